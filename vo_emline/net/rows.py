"""Rows of an answer as columns of numpy, with units and UCDs, without the weight of astropy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vo_emline.tables import Column, Datatype

if TYPE_CHECKING:
    from astropy.table import Column as AstropyColumn
    from astropy.table import Table

DATATYPES: Final[dict[str, Datatype]] = {
    "b1": "boolean", "i2": "short", "i4": "int", "i8": "long", "f4": "float", "f8": "double",
}  # fmt: skip
"""VOTable types of numpy's."""


class Row:
    """One row: ``row["ra"]``, ``row[0]``, ``row.colnames``; iterating gives the values, ``dict`` both."""

    __slots__ = ("_place", "_rows")

    def __init__(self, rows: Rows, place: int) -> None:
        self._rows = rows
        self._place = place

    def __getitem__(self, name: str | int) -> Any:
        """Give a value by the name or the place of its column; :data:`numpy.ma.masked` for NULL."""
        values = self._rows.values[name] if isinstance(name, int) else self._rows[name]
        return values[self._place]

    def __iter__(self) -> Iterator[Any]:
        """Go through the values."""
        return (values[self._place] for values in self._rows.values)

    def __len__(self) -> int:
        """Count the values."""
        return len(self._rows.columns)

    def __repr__(self) -> str:
        """Name each value."""
        named = (f"{name}={value}" for name, value in zip(self.colnames, self, strict=True))
        return f"<Row {', '.join(named)}>"

    @property
    def colnames(self) -> list[str]:
        """Names of the columns."""
        return self._rows.names

    def keys(self) -> list[str]:
        """Names of the columns, as a mapping has them."""
        return self.colnames

    def has(self, *names: str) -> bool:
        """Tell whether these columns are there and hold values."""
        return all(name in self._rows and self[name] is not np.ma.masked for name in names)

    def text(self, name: str) -> str:
        """Give a value as text; empty where it is NULL or not there."""
        return str(self[name]) if self.has(name) else ""


@dataclass(frozen=True, slots=True)
class Rows:
    """A table.

    Parameters
    ----------
    columns
        What the columns are.
    values
        One masked array for each, shape (n,) or, for arrays of a fixed size, (n, size); text is of type
        object.
    description
        What the rows are.
    """

    columns: tuple[Column, ...]
    values: tuple[Any, ...]
    description: str = ""

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.values[0]) if self.values else 0

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a column called so."""
        return any(column.name == name for column in self.columns)

    def __iter__(self) -> Iterator[Row]:
        """Go through the rows."""
        return (Row(self, place) for place in range(len(self)))

    def __getitem__(self, name: str) -> Any:
        """Give the values of one column, a masked array.

        Raises
        ------
        KeyError
            There is no such column.
        """
        for column, values in zip(self.columns, self.values, strict=True):
            if column.name == name:
                return values
        raise KeyError(name)

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [column.name for column in self.columns]

    def row(self, place: int) -> Row:
        """Give one row; negative places count from the end.

        Raises
        ------
        IndexError
            There is no such row.
        """
        return Row(self, range(len(self))[place])

    def take(self, key: Any) -> Rows:
        """Give fewer rows: those of a slice, a mask, or a list of numbers."""
        chosen = key if isinstance(key, slice) else np.ma.filled(np.ma.asarray(key), False)
        if isinstance(chosen, np.ndarray) and not chosen.size:
            chosen = chosen.astype(int)
        return Rows(self.columns, tuple(values[chosen] for values in self.values), self.description)

    def select(self, names: Iterable[str]) -> Rows:
        """Give some of the columns."""
        wanted = list(names)
        places = [self.names.index(name) for name in wanted]
        columns, values = ([of[place] for place in places] for of in (self.columns, self.values))
        return Rows(tuple(columns), tuple(values), self.description)

    def to_astropy(self) -> Table:
        """Give an astropy table with units, UCDs and descriptions; columns with NULLs are masked."""
        from astropy.table import Column as AstropyColumn
        from astropy.table import MaskedColumn, Table

        table = Table(meta={"description": self.description} if self.description else {})
        for column, values in zip(self.columns, self.values, strict=True):
            known = {"ucd": column.ucd, "utype": column.utype}
            kind = MaskedColumn if np.ma.is_masked(values) else AstropyColumn
            table[column.name] = kind(
                values if kind is MaskedColumn else np.asarray(values.data),
                name=column.name,
                unit=_unit(column.unit),
                description=column.description or None,
                meta={key: text for key, text in known.items() if text},
            )
        return table

    @classmethod
    def from_astropy(cls, table: Table) -> Rows:
        """Take the columns of an astropy table."""
        columns = tuple(_describe(table[name]) for name in table.colnames)
        values = tuple(_values(table[name]) for name in table.colnames)
        return cls(columns, values, str(table.meta.get("description", "")))

    @classmethod
    def from_arrow(cls, table: Any) -> Rows:
        """Take the columns of a :class:`pyarrow.Table` of texts, numbers and truth values."""
        columns, lists = [], []
        for name in table.column_names:
            values = table[name].to_pylist()
            kind = str(table.schema.field(name).type)
            columns.append(
                Column(
                    name=name,
                    datatype=_ARROW.get(kind, "unicodeChar"),
                    arraysize=None if kind in _ARROW else "*",
                    description="",
                )
            )
            lists.append(values)
        return cls.from_lists(columns, lists)

    @classmethod
    def from_lists(
        cls, columns: Sequence[Column], lists: Sequence[Sequence[Any]], *, description: str = ""
    ) -> Rows:
        """Make rows of Python values; None is NULL."""
        values = tuple(_array(column, values) for column, values in zip(columns, lists, strict=True))
        return cls(tuple(columns), values, description)


_ARROW: Final[dict[str, Datatype]] = {
    "bool": "boolean", "int16": "short", "int32": "int", "int64": "long", "float": "float",
    "double": "double",
}  # fmt: skip

_NUMPY: Final = {
    "boolean": np.bool_, "short": np.int16, "int": np.int32, "long": np.int64, "float": np.float32,
    "double": np.float64,
}  # fmt: skip


def _array(column: Column, values: Sequence[Any]) -> Any:
    mask = np.array([value is None for value in values], dtype=bool)
    if column.is_text or column.is_array:
        data = np.empty(len(values), dtype=object)
        data[:] = [("" if column.is_text else ()) if value is None else value for value in values]
        return np.ma.array(data, mask=mask)
    filled = [0 if value is None else value for value in values]
    return np.ma.array(np.array(filled, dtype=_NUMPY[column.datatype]), mask=mask)


def _unit(text: str | None) -> Any:
    """Read a unit; what is no unit stays text."""
    if not text:
        return None
    import warnings

    from astropy import units as u

    with warnings.catch_warnings():
        # VOUnits 1.1 deprecates the angstrom, yet it is what services and people write
        warnings.simplefilter("ignore", u.UnitsWarning)
        return u.Unit(text, parse_strict="silent")


def _describe(column: AstropyColumn) -> Column:
    textual = column.dtype.kind in "OUS"
    return Column(
        name=column.name,
        datatype="unicodeChar" if textual else DATATYPES.get(column.dtype.str[1:], "double"),
        arraysize="*" if textual or column.ndim > 1 else None,
        unit=str(column.unit) if column.unit else None,
        ucd=column.meta.get("ucd"),
        utype=column.meta.get("utype"),
        description=column.description or "",
    )


def _values(column: AstropyColumn) -> Any:
    mask = np.asarray(getattr(column, "mask", np.zeros(column.shape, bool)))
    data = np.asarray(column)
    if data.dtype.kind in "OUS":
        texts = np.empty(len(data), dtype=object)
        texts[:] = [value.decode() if isinstance(value, bytes) else str(value) for value in data]
        data = texts
    elif data.dtype.byteorder == ">":
        data = data.astype(data.dtype.newbyteorder("="))
    return np.ma.array(data, mask=mask)
