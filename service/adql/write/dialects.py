"""In what the databases differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from service.adql.write.predicates import Predicates

Dialect = Literal["duckdb", "postgresql"]
"""Name of a database that SQL can be written for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """How one database says things."""

    dialect: Dialect
    predicates: Predicates
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


SQL_TYPES: Final[dict[str, str]] = {
    "char": "VARCHAR", "unicodeChar": "VARCHAR", "boolean": "BOOLEAN", "short": "int2", "int": "int4",
    "long": "int8", "float": "float4", "double": "float8",
}  # fmt: skip
"""Names, known to both databases, of the types that hold VOTable values."""
