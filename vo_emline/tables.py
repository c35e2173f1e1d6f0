"""How a table is described: once, for the store, TAP_SCHEMA, VOTable fields, docs and the client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Datatype = Literal["char", "unicodeChar", "boolean", "short", "int", "long", "float", "double"]
"""VOTable primitive types in use (VOTable 1.4, section 2.1)."""

SQL_TYPES: Final[dict[Datatype, str]] = {
    "char": "VARCHAR",
    "unicodeChar": "VARCHAR",
    "boolean": "BOOLEAN",
    "short": "SMALLINT",
    "int": "INTEGER",
    "long": "BIGINT",
    "float": "REAL",
    "double": "DOUBLE",
}
"""DuckDB column type of each VOTable type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a published table."""

    name: str
    datatype: Datatype
    arraysize: str | None = None
    """``"*"`` for text, ``None`` for scalars."""
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    xtype: str | None = None
    description: str
    principal: bool = False
    """Whether a client should show it by default (TAP_SCHEMA ``principal``)."""
    indexed: bool = False
    std: bool = False
    """Whether a standard defines it (TAP_SCHEMA ``std``)."""
    computed: str | None = None
    """SQL expression over stored columns of the same table, for columns the
    service computes and the file does not hold; ``{base_url}`` stands for the
    service's public address (no trailing slash)."""

    @property
    def sql_type(self) -> str:
        """The DuckDB type that holds this column."""
        return SQL_TYPES[self.datatype]

    @property
    def is_text(self) -> bool:
        """Whether the values are text, which counts as a scalar in SQL."""
        return self.datatype in ("char", "unicodeChar")

    @property
    def is_array(self) -> bool:
        """Whether the values are arrays of numbers or truth values."""
        return not self.is_text and self.arraysize is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One published table."""

    schema: str
    name: str
    description: str
    columns: tuple[Column, ...]
    utype: str | None = None

    @property
    def qualified_name(self) -> str:
        """``schema.name``, as ADQL says it."""
        return f"{self.schema}.{self.name}"

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns that the store holds (the rest are computed)."""
        return tuple(column for column in self.columns if column.computed is None)

    def __getitem__(self, name: str) -> Column:
        """Give the column called `name`."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.qualified_name} has no column {name!r}")
