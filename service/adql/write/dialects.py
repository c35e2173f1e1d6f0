"""In what the databases differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from service.adql.databases import Dialect
from service.adql.write.predicates import IndexedPredicates, PlainPredicates


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """How one database says things."""

    dialect: Dialect
    predicates: PlainPredicates
    timestamp_text: str
    """A timestamp as DALI writes it (DALI 1.1, section 3.3.3)."""
    text_split: str
    """The numbers of a string, as an array."""
    array: str
    """An array of double precision numbers."""
    like: str
    """What follows a LIKE pattern, so that the backslash has no meaning."""
    divide_whole: str
    """Division of whole numbers, cut towards zero; NULL where the divisor is 0."""
    pixel_joins: bool
    """Whether a join by position is to be made one by pixels."""


DUCKDB: Final = Database(
    dialect="duckdb",
    predicates=PlainPredicates(),
    timestamp_text="strftime({0}, '%Y-%m-%dT%H:%M:%S.%g')",
    text_split="CAST(string_split({0}, ' ') AS float8[])",
    array="CAST([{0}] AS float8[])",
    like="",
    divide_whole="(CAST({0} AS int8) // nullif({1}, 0))",
    pixel_joins=True,
)

POSTGRESQL: Final = Database(
    dialect="postgresql",
    predicates=IndexedPredicates(),
    timestamp_text="to_char({0}, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS')",
    text_split="CAST(string_to_array({0}, ' ') AS float8[])",
    array="CAST(ARRAY[{0}] AS float8[])",
    like=" ESCAPE ''",
    divide_whole="(CAST({0} AS int8) / nullif({1}, 0))",
    pixel_joins=False,
)

DATABASES: Final[dict[str, Database]] = {"duckdb": DUCKDB, "postgresql": POSTGRESQL}
"""The databases that queries can be written for."""

SQL_TYPES: Final[dict[str, str]] = {
    "char": "VARCHAR", "unicodeChar": "VARCHAR", "boolean": "BOOLEAN", "short": "int2", "int": "int4",
    "long": "int8", "float": "float4", "double": "float8",
}  # fmt: skip
"""Names, known to both databases, of the types that hold VOTable values."""
