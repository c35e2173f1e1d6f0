"""How a function is described: once, for the gate, the generators and the capabilities."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from service.adql.values import GEOMETRIES, NUMBERS, REGIONS, Kind

NAMESPACE: Final = "ivo://ivoa.net/std/tapregext#features-"
"""Start of the identifiers of optional features, in lower case as ADQL 2.1 section 4.1 asks."""

Feature = Literal["core", "adqlgeo", "adql-string", "adql-conditional", "adql-unit", "udf"]


class Parameter(Enum):
    """What an argument must be."""

    NUMBER = "a number"
    TEXT = "a string"
    INSTANT = "a timestamp"
    ORDERED = "a number, string or timestamp"
    ANY = "a value"
    POINT = "a point (a POINT(...), CENTROID(...) or column)"
    GEOMETRY = "a geometry"
    WHOLE = "a whole number, written out"
    SEED = "a whole number without sign, written out"
    QUOTED = "a string, written out"

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of value that may stand there."""
        return _KINDS[self]


_KINDS: Final = {
    Parameter.NUMBER: NUMBERS,
    Parameter.TEXT: frozenset({Kind.TEXT}),
    Parameter.INSTANT: frozenset({Kind.TIMESTAMP}),
    Parameter.ORDERED: NUMBERS | {Kind.TEXT, Kind.TIMESTAMP},
    Parameter.ANY: frozenset(Kind),
    Parameter.POINT: frozenset({Kind.POINT}),
    Parameter.GEOMETRY: GEOMETRIES | REGIONS,
    Parameter.WHOLE: NUMBERS,
    Parameter.SEED: NUMBERS,
    Parameter.QUOTED: frozenset({Kind.TEXT}),
}

Result = Literal["double", "long", "int", "text", "point", "circle", "polygon", "same", "sum", "exact"]
"""Type of the result: a type, that of the first argument (``same``), or that of
the first argument widened (``sum``: to 64 bits; ``exact``: whole numbers stay
whole, others become double)."""

Form = tuple[tuple[str, Parameter], ...]
"""Names and kinds of the parameters of one way to call a function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function.

    The SQL is a template: ``{0}``, ``{1}`` … are the arguments, ``{all}`` all of
    them with commas (missing ones are 0), ``{distinct}`` the word DISTINCT where the query says
    so, ``{type}`` the type of the result. An empty
    template marks the functions for which the generators have code of their own.
    """

    name: str
    forms: tuple[Form, ...]
    result: Result
    description: str
    duckdb: str = ""
    postgresql: str = ""
    """Only where it differs from DuckDB's."""
    feature: Feature = "core"
    unit: str | None = None
    """Unit of the result; ``same`` for that of the first argument."""
    ucd: str | None = None
    aggregate: bool = False
    repeated: bool = False
    """Whether the last parameter may be given more than once."""

    def sql(self, dialect: str) -> str:
        """Give the template for a dialect."""
        return self.postgresql if dialect == "postgresql" and self.postgresql else self.duckdb

    @property
    def signatures(self) -> tuple[str, ...]:
        """The declarations of the forms, as TAPRegExt wants them (section 2.3)."""
        return tuple(
            f"{self.name.lower()}({_parameters(form)}) -> {_RESULTS[self.result]}" for form in self.forms
        )


_PARAMETERS: Final = {
    Parameter.NUMBER: "DOUBLE PRECISION", Parameter.TEXT: "VARCHAR", Parameter.INSTANT: "TIMESTAMP",
    Parameter.POINT: "POINT", Parameter.GEOMETRY: "REGION", Parameter.WHOLE: "INTEGER",
    Parameter.SEED: "INTEGER", Parameter.QUOTED: "VARCHAR", Parameter.ANY: "ANY", Parameter.ORDERED: "ANY",
}  # fmt: skip
_RESULTS: Final[dict[str, str]] = {
    "double": "DOUBLE PRECISION", "long": "BIGINT", "int": "INTEGER", "text": "VARCHAR", "point": "POINT",
    "circle": "CIRCLE", "polygon": "POLYGON", "same": "ANY", "sum": "ANY", "exact": "ANY",
}  # fmt: skip


def _parameters(form: Form) -> str:
    return ", ".join(f"{name} {_PARAMETERS[kind]}" for name, kind in form)
