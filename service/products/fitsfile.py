"""Spectra as one-dimensional FITS binary tables (Spectrum Data Model 1.1, section 9)."""

from __future__ import annotations

import io
import re
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from service.products.columns import columns
from service.products.elements import ParamValue
from service.products.metadata import Item, facts
from service.products.product import Product
from vo_emline.tables import Column

_UNPRINTABLE: Final = re.compile(r"[^ -~]")
"""What a card cannot hold (FITS 4.0, section 4.2.1)."""

_FORMATS: Final = {"double": "D", "boolean": "L"}


def write_fits(product: Product) -> bytes:
    """Write `product` as a FITS file: an empty primary array and one table, one row per pixel.

    The layout is that of the spectra of the Ondřejov archive, with more cards:
    the medium (``AIRORVAC``, ``VACUUM`` and the comment of ``TTYPE1``), the
    start of the exposure (``DATE-OBS``) and the resolving power (``SPEC_RP``).
    """
    described = columns(product)
    table = fits.BinTableHDU.from_columns(
        [_column(column, values) for column, values in described], name="SPECTRUM"
    )
    for number, (column, _) in enumerate(described, start=1):
        _describe(table.header, number, column)
    for item, value in facts(product):
        _add_card(table.header, item, value)
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(buffer, checksum=True)
    return buffer.getvalue()


def _column(column: Column, values: npt.NDArray[Any]) -> fits.Column:
    return fits.Column(name=column.name, format=_FORMATS[column.datatype], unit=column.unit, array=values)


def _describe(header: fits.Header, number: int, column: Column) -> None:
    header.comments[f"TTYPE{number}"] = column.description[:40]
    if column.utype:
        header[f"TUTYP{number}"] = column.utype
    if column.ucd:
        header[f"TUCD{number}"] = column.ucd


def _add_card(header: fits.Header, item: Item, value: ParamValue) -> None:
    if not item.card or isinstance(value, tuple):
        return
    if isinstance(value, str):
        value = _UNPRINTABLE.sub("?", " ".join(value.split()))
    if isinstance(value, float) and not np.isfinite(value):
        return
    if item.card == "HISTORY":
        header.add_history(value)
        return
    unit = f"[{item.unit}] " if item.unit else ""
    comment = (unit + item.description).encode("ascii", "replace").decode()
    room = 80 - 10 - 3 - max(20, len(repr(value)))
    header[item.card] = (value, comment[: max(0, room)])
