"""Endpoints and parameters of the archives: ``archives.toml``, and the user's own file on top of it."""

from __future__ import annotations

import os
import tomllib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vo_emline.errors import UserError

VARIABLE: Final = "VO_EMLINE_ARCHIVES"
"""Environment variable that names the user's own file."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SsaArchive(_Section):
    """An archive with an SSA service."""

    title: str = ""
    url: str
    """Address of the SSA service, without parameters."""
    tap: str | None = None
    """Address of the TAP service that knows the same spectra."""
    table: str | None = None
    """Name of their table there, with the columns of an SSA answer."""
    where: str | None = None
    """ADQL condition that leaves one row per spectrum."""
    calibration: str | None = None
    """``FLUXCALIB`` to ask for unless the user says otherwise."""
    concurrency: int = Field(default=4, ge=1, le=16)
    """Requests in flight at a time."""
    delay: float = Field(default=0.1, ge=0)
    """Least time between the starts of two requests, s."""


class LamostArchive(_Section):
    """The services of the LAMOST survey."""

    openapi: str
    release: str
    version: str
    resolution: Literal["lrs", "mrs"] = "lrs"
    publisher_did: str
    """Template of a publisher DID: ``{release}``, ``{version}``, ``{obsid}``."""
    concurrency: int = Field(default=4, ge=1, le=16)
    delay: float = Field(default=0.25, ge=0)


class Catalogue(_Section):
    """A catalogue of known objects."""

    title: str = ""
    vizier: str | None = None
    """Identifier at the CDS."""
    url: str | None = None
    """File to download by hand, where the CDS does not hold the catalogue."""
    tap: str | None = None
    """Address of a TAP service that takes uploads, where it is asked around positions."""
    source: str = ""
    """What is asked there, as ADQL after FROM; its positions are ``t.ra`` and ``t.dec`` (ICRS, deg)."""
    select: str = ""
    """Columns of the answer, as ADQL after SELECT, under names that are known."""
    dense: bool = False
    """Whether something else is near every star, so that only a close match counts."""
    epoch: float = float("nan")
    """Epoch of the positions, Julian year."""
    type: str = ""
    """What all its objects are, where no column says it."""

    @property
    def short_title(self) -> str:
        """The reference without what follows it (``Hou et al. 2016``)."""
        return self.title.partition(",")[0]


class Archives(_Section):
    """Everything ``archives.toml`` says."""

    ssa: dict[str, SsaArchive]
    lamost: LamostArchive
    catalogues: dict[str, Catalogue]

    def find_ssa(self, name_or_url: str) -> SsaArchive:
        """Give the archive called so, or one made from an address.

        Raises
        ------
        UserError
            If it is neither a known name nor an http(s) address.
        """
        if name_or_url in self.ssa:
            return self.ssa[name_or_url]
        if name_or_url.startswith(("http://", "https://")):
            return SsaArchive(url=name_or_url)
        known = ", ".join(self.ssa)
        raise UserError(f"no archive is called {name_or_url!r}: give one of {known}, or an http(s) address")


def user_file() -> Path:
    """Say where the user's own ``archives.toml`` is looked for."""
    if named := os.environ.get(VARIABLE):
        return Path(named)
    return Path(platformdirs.user_config_dir("vo-emline")) / "archives.toml"


def load(path: Path | None = None) -> Archives:
    """Read the packaged file and lay the user's file over it.

    Parameters
    ----------
    path
        The user's file; by default :func:`user_file`, where it exists.

    Raises
    ------
    UserError
        If the user's file is not TOML or says something unknown.
    """
    packaged = tomllib.loads(resources.files(__package__).joinpath("archives.toml").read_text("utf-8"))
    path = path or user_file()
    if not path.is_file():
        return Archives.model_validate(packaged)
    try:
        return Archives.model_validate(_merge(packaged, tomllib.loads(path.read_text("utf-8"))))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{path}: [{where}] {first['msg']}") from error


@cache
def archives() -> Archives:
    """Give the configuration in force, read once."""
    return load()


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged
