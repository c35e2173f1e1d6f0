"""What a TAP request asks for (TAP 1.1, section 2.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from service.config import Settings
from service.formats import Format, find_format
from service.parameters import Parameters
from vo_emline.errors import UserError

LANGUAGES: Final = ("ADQL", "ADQL-2.0", "ADQL-2.1")
"""Values of LANG; ADQL 2.1 answers to all of them, as it includes 2.0."""

SINGLE: Final = ("REQUEST", "LANG", "QUERY", "MAXREC", "FORMAT", "RESPONSEFORMAT", "RUNID")
"""Parameters that may be given once only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TapRequest:
    """The checked parameters of a query."""

    query: str
    format: Format
    maxrec: int
    """Rows wanted, within the hard limit."""
    runid: str | None = None


def parse_request(parameters: Parameters, settings: Settings) -> TapRequest:
    """Check the parameters of a query.

    Raises
    ------
    UserError
        A parameter is missing, repeated or has an impossible value.
    """
    given = {name: parameters.one(name) for name in SINGLE}
    if (request := given["REQUEST"]) and request.lower() != "doquery":
        raise UserError(f"REQUEST={request[:80]} is not offered; leave it out or use doQuery")
    _check_language(given["LANG"])
    query = given["QUERY"]
    if query is None:
        raise UserError("QUERY is missing: give an ADQL query")
    return TapRequest(
        query=query,
        format=find_format(_same(given["RESPONSEFORMAT"], given["FORMAT"])),
        maxrec=parse_rows(given["MAXREC"], settings),
        runid=given["RUNID"],
    )


def _check_language(language: str | None) -> None:
    if language is None:
        raise UserError("LANG is missing: use LANG=ADQL")
    if language.upper() not in LANGUAGES:
        raise UserError(f"LANG={language[:80]} is not offered; use one of {', '.join(LANGUAGES)}")


def _same(response_format: str | None, old_format: str | None) -> str | None:
    if response_format and old_format and response_format != old_format:
        raise UserError("FORMAT and RESPONSEFORMAT differ; they mean the same, give one of them")
    return response_format or old_format


def parse_rows(value: str | None, settings: Settings) -> int:
    """Give the rows that a MAXREC asks for, within the hard limit; the default where there is none.

    Raises
    ------
    UserError
        It is no row count.
    """
    if value is None:
        return settings.rows_default
    text = value.strip()
    if not (text.isascii() and text.isdigit()):
        raise UserError(f"MAXREC={value[:80]} is no row count; use a whole number from 0")
    # A count of many digits is just a wish for everything.
    return settings.rows_hard if len(text) > 18 else min(int(text), settings.rows_hard)
