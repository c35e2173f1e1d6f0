"""How a table is described: once, for the store, TAP_SCHEMA, VOTable fields, docs and the client."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    import pyarrow as pa

Datatype = Literal["char", "unicodeChar", "boolean", "short", "int", "long", "float", "double"]
"""VOTable primitive types in use (VOTable 1.4, section 2.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How the values of one VOTable type are kept in other systems."""

    sql: str
    """Column type of DuckDB."""
    arrow: str
    """Alias of the Arrow type."""
    numpy: str = ""
    """Kind and bytes of a number in numpy, without the byte order; empty for text."""
    fits: str = ""
    """Letter of TFORM in a FITS binary table (FITS 4.0, table 18); empty for text, which needs a width."""
    null: float = 0
    """Number that stands for NULL where a format needs one (``TNULLn``, NaN)."""
    blank: str = ""
    """What stands for a missing element of an array in TABLEDATA, for which VOTable has nothing better."""


KINDS: Final[Mapping[Datatype, Kind]] = {
    "char": Kind(sql="VARCHAR", arrow="string"),
    "unicodeChar": Kind(sql="VARCHAR", arrow="string"),
    "boolean": Kind(sql="BOOLEAN", arrow="bool", numpy="b1", fits="L", blank="?"),
    "short": Kind(sql="SMALLINT", arrow="int16", numpy="i2", fits="I", null=-(2**15), blank="0"),
    "int": Kind(sql="INTEGER", arrow="int32", numpy="i4", fits="J", null=-(2**31), blank="0"),
    "long": Kind(sql="BIGINT", arrow="int64", numpy="i8", fits="K", null=-(2**63), blank="0"),
    "float": Kind(sql="REAL", arrow="float32", numpy="f4", fits="E", null=math.nan, blank="NaN"),
    "double": Kind(sql="DOUBLE", arrow="float64", numpy="f8", fits="D", null=math.nan, blank="NaN"),
}
"""The one map of VOTable types, the narrowest first."""


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
    unique: bool = False
    """Whether it names its row: no two rows have the same text."""
    std: bool = False
    """Whether a standard defines it (TAP_SCHEMA ``std``)."""
    moc: bool = False
    """Whether the text is a MOC, which bears no ``xtype``: that of DALI 1.2 is a fault to validators."""
    computed: str | None = None
    """SQL expression over stored columns of the same table, for columns the
    service computes and the file does not hold; ``{base_url}`` stands for the
    service's public address (no trailing slash)."""

    @property
    def sql_type(self) -> str:
        """The DuckDB type that holds this column."""
        return KINDS[self.datatype].sql

    @property
    def arrow_type(self) -> pa.DataType:
        """The Arrow type that holds this column: a list where the values are arrays."""
        import pyarrow as pa  # descriptions are read where nothing else needs Arrow

        scalar = pa.type_for_alias(KINDS[self.datatype].arrow)
        return pa.list_(scalar) if self.is_array else scalar

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
