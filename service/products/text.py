"""Spectra as text: CSV, tab-separated, and ECSV (Astropy Proposal for Enhancement 6)."""

from __future__ import annotations

import io

import numpy as np
from astropy.table import Column as TableColumn
from astropy.table import Table

from service.products.columns import columns
from service.products.metadata import facts
from service.products.product import Product


def write_csv(product: Product) -> bytes:
    """Write `product` as comma separated values: a line of names, then numbers.

    The medium stands in the name of the first column (``wavelength_vacuum``,
    ``wavelength_air``): CSV has no other place that readers leave alone.
    """
    return _plain(product, delimiter=",")


def write_tsv(product: Product) -> bytes:
    """Write `product` as tab separated values, otherwise as :func:`write_csv`."""
    return _plain(product, delimiter="\t")


def write_ecsv(product: Product) -> bytes:
    """Write `product` as ECSV, with units, descriptions and all facts."""
    table = _table(product)
    table.meta = {
        item.name: list(value) if isinstance(value, tuple) else value for item, value in facts(product)
    }
    return _written(table, format="ascii.ecsv")


def _plain(product: Product, *, delimiter: str) -> bytes:
    return _written(_table(product), format="ascii.basic", delimiter=delimiter)


def _table(product: Product) -> Table:
    """Give the columns as a table; bad pixels are marked by 1, which every reader takes for a number."""
    table = Table()
    for column, values in columns(product):
        numbers = values.astype(np.uint8) if values.dtype == bool else values
        table[column.name] = TableColumn(numbers, unit=column.unit, description=column.description)
    table.rename_column("wavelength", f"wavelength_{product.medium}")
    return table


def _written(table: Table, *, format: str, delimiter: str | None = None) -> bytes:  # noqa: A002 - astropy's name
    buffer = io.StringIO()
    table.write(buffer, format=format, delimiter=delimiter or ",")
    return buffer.getvalue().encode()
