"""Request parameters as DALI means them: names in any case, values repeated or not, files beside them."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from vo_emline.errors import UserError

FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
"""Content types of a POST that carry parameters (DALI 1.1, section 3)."""

MAX_FIELDS = 100_000
"""Parameters of one request at most: clients of DataLink send the identifiers of a whole result at once."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one request; names are upper case (DALI 1.1, section 3.1)."""

    values: Mapping[str, list[str]]
    files: Mapping[str, UploadFile] = field(default_factory=dict)
    """Inline content, by the name of its part as the client wrote it."""

    def __contains__(self, name: str) -> bool:
        """Tell whether the parameter `name` was given with a value that is not empty."""
        return bool(self.all(name))

    def all(self, name: str) -> list[str]:
        """Give every value of a parameter that may be repeated; empty values count as not given."""
        return [value for value in self.values.get(name.upper(), []) if value.strip()]

    def one(self, name: str) -> str | None:
        """Give the value of a single-valued parameter, None where it is not given.

        Raises
        ------
        UserError
            It is given more than once.
        """
        values = self.all(name)
        if len(values) > 1:
            raise UserError(f"{name.upper()} is given {len(values)} times; give it once")
        return values[0] if values else None


def read_number(name: str, text: str) -> float:
    """Read a finite number, the value of the parameter `name`.

    Raises
    ------
    UserError
        It is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"{name}: {text[:80]} is not a number")
    return value


async def read_parameters(request: Request) -> Parameters:
    """Read the parameters of a GET or POST, urlencoded or multipart; files beside them are dropped.

    Raises
    ------
    UserError
        A POST has a body that is no form.
    """
    async with open_parameters(request) as parameters:
        return Parameters(parameters.values)


@asynccontextmanager
async def open_parameters(request: Request) -> AsyncIterator[Parameters]:
    """Read parameters and the files beside them, which are there for the length of an ``async with`` block.

    Raises
    ------
    UserError
        A POST has a body that is no form.
    """
    async with _form(request) as form:
        items = list(request.query_params.multi_items())
        files: dict[str, UploadFile] = {}
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                files[name] = value
            else:
                items.append((name, value))
        yield Parameters(_group(items), files)


@asynccontextmanager
async def _form(request: Request) -> AsyncIterator[FormData]:
    if request.method != "POST":
        yield FormData()
        return
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and kind not in FORM_TYPES:
        raise UserError(f"a POST of {kind} carries no parameters; send {' or '.join(FORM_TYPES)}")
    async with request.form(max_files=50, max_fields=MAX_FIELDS, max_part_size=4_000_000) as form:
        yield form


def _group(items: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in items:
        grouped.setdefault(name.upper(), []).append(value)
    return grouped
