"""FITS tables in bulk: what the readers of the layouts ask of astropy's HDUs, made of the bytes alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vo_emline.spectra.quick.rows import Rows
from vo_emline.spectra.quick.source import Header, Source, Unexpected, cards_end, data_start

_FORMAT: Final = re.compile(r"(\d*)([BIJKED])")
_DTYPE: Final = {"B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}

_ALTERS: Final = ("TSCAL", "TZERO", "TNULL", "TDIM")
"""Cards that change what a column means."""

_PLAIN: Final = {"XTENSION": "BINTABLE", "BITPIX": 8, "NAXIS": 2, "PCOUNT": 0, "GCOUNT": 1}
"""What a table without a heap says."""

HEADER_BYTES: Final = 20 * 2880
"""An extension's header is not longer than this."""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """Name, format and unit of a column."""

    name: str
    form: str
    unit: str | None


class Columns:
    """The columns of a table.

    Parameters
    ----------
    columns
        All of them, in order.
    """

    def __init__(self, columns: list[TableColumn]) -> None:
        self._columns = columns
        self.names = [column.name for column in columns]
        self.forms = [column.form for column in columns]

    def __iter__(self) -> Iterator[TableColumn]:
        return iter(self._columns)


class TableHDU:
    """A binary table with the members of astropy's that the readers of the layouts use.

    Parameters
    ----------
    source
        Content of the file.
    start
        Byte at which the HDU begins.

    Raises
    ------
    Unexpected
        It is not a plain binary table.
    """

    def __init__(self, source: Source, start: int) -> None:
        cards = _cards(source, start)
        if not cards.startswith(b"XTENSION= 'BINTABLE'"):
            raise Unexpected
        self.header = header = Header(cards)
        if any(header.get(key) != value for key, value in _PLAIN.items()):
            raise Unexpected
        self._source, self._start = source, data_start(start + len(cards))
        lengths = [header.get(key) for key in ("NAXIS1", "NAXIS2", "TFIELDS")]
        if any(type(length) is not int or not 0 <= length < 2**31 for length in lengths):
            raise Unexpected  # text times a number would be much text
        if header.get("ZIMAGE") is not None or type(header.get("GCOUNT")) is not int:
            raise Unexpected
        self._row_size, self._n_rows = header.get("NAXIS1"), header.get("NAXIS2")
        self.columns = Columns([_column(header, index + 1) for index in range(header.get("TFIELDS"))])
        if source.size < self._start + self._size:
            raise Unexpected

    @property
    def name(self) -> str:
        """Name of the extension."""
        return str(self.header.get("EXTNAME", "")).strip().upper()

    @property
    def data(self) -> npt.NDArray[Any]:
        """The rows."""
        dtype = _row_dtype(tuple((column.name, column.form) for column in self.columns))
        if dtype.itemsize != self._row_size:
            raise Unexpected
        return np.frombuffer(self._source.read(self._start, self._size), dtype=dtype)

    def rows(self) -> Rows | None:
        """Give the vectors of a table that holds one of each column, all of one length in float32."""
        first = _FORMAT.fullmatch(self.columns.forms[0])
        if self._n_rows != 1 or len(set(self.columns.forms)) != 1 or first is None or first[2] != "E":
            return None
        n_pixels = int(first[1] or 1)
        if 4 * n_pixels * len(self.columns.names) != self._row_size:
            raise Unexpected
        return Rows(
            self._source, self._start, dtype=">f4", n_pixels=n_pixels, names=tuple(self.columns.names)
        )

    @property
    def end(self) -> int:
        """Byte at which the next HDU begins."""
        return data_start(self._start + self._size - 80)

    @property
    def _size(self) -> int:
        return int(self._row_size * self._n_rows)


def _cards(source: Source, start: int) -> bytes:
    """Give the cards of an extension's header, without END."""
    end = cards_end(source.head, start)
    if end >= 0:
        return source.head[start:end]
    content = source.read(start, min(HEADER_BYTES, source.size - start))
    end = cards_end(content)
    if end < 0:
        raise Unexpected
    return content[:end]


def _column(header: Header, number: int) -> TableColumn:
    name, form = header.get(f"TTYPE{number}"), header.get(f"TFORM{number}")
    if not name or not form or any(header.get(f"{key}{number}") is not None for key in _ALTERS):
        raise Unexpected
    return TableColumn(name, form, header.get(f"TUNIT{number}"))


@lru_cache(maxsize=256)
def _row_dtype(columns: tuple[tuple[str, str], ...]) -> np.dtype[Any]:
    return np.dtype([(name, *_parts(form)) for name, form in columns])


def _parts(form: str) -> tuple[str] | tuple[str, int]:
    parts = _FORMAT.fullmatch(form)
    if parts is None:
        raise Unexpected
    return (_DTYPE[parts[2]], int(parts[1])) if parts[1] not in {"", "1"} else (_DTYPE[parts[2]],)
