"""A spectrum as VOTable, FITS, CSV, tab-separated text and ECSV, by one list of columns and facts."""

from __future__ import annotations

import io
import re
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.io.votable.tree import (
    Group,
    Info,
    ParamRef,
    Resource,
    TableElement,
    VOTableFile,
)
from astropy.table import Column as TableColumn
from astropy.table import Table

from service.formats.header import (
    OF_1_4,
    VERSION,
    ParamValue,
    declare_prefix,
    make_field,
    make_param,
)
from service.products.product import Item, Product, facts
from vo_emline.candidates.votable import printable
from vo_emline.tables import Column


def columns(product: Product) -> list[tuple[Column, npt.NDArray[Any]]]:
    """Give the columns of `product` with their values, wavelength first."""
    unit = product.scale.unit or None
    described: list[tuple[Column, npt.NDArray[Any]]] = [
        (
            Column(name="wavelength", datatype="double", unit="Angstrom", ucd="em.wl",
                   utype="spec:Spectrum.Data.SpectralAxis.Value",
                   description=f"Wavelength in {product.medium}"),
            product.wavelength,
        ),
        (
            Column(name="flux", datatype="double", unit=unit, ucd="phot.flux.density;em.wl",
                   utype="spec:Spectrum.Data.FluxAxis.Value", description=product.scale.history),
            product.flux,
        ),
    ]  # fmt: skip
    if product.error is not None:
        error = Column(
            name="flux_error", datatype="double", unit=unit, ucd="stat.error;phot.flux.density;em.wl",
            utype="spec:Spectrum.Data.FluxAxis.Accuracy.StatError",
            description="One standard deviation of the flux; NaN where unknown",
        )  # fmt: skip
        described.append((error, product.error))
    if product.mask.any():
        mask = Column(name="mask", datatype="boolean", ucd="meta.code.qual", description="True on bad pixels")
        described.append((mask, product.mask))
    return [(column, np.ascontiguousarray(values)) for column, values in described]


NAMESPACE: Final = "http://www.ivoa.net/xml/SpectrumModel/v1.01"
"""Namespace of the prefix ``spec`` (Spectrum Data Model 1.1, section 8.2)."""

_GROUPS: Final = ("Target", "DataID", "Curation", "CoordSys", "Char", "Derived")


def write_votable(product: Product, *, tabledata: bool = False) -> bytes:
    """Write `product` as a VOTable 1.4.

    Parameters
    ----------
    tabledata
        Readable TABLEDATA instead of BINARY. BINARY rather than BINARY2,
        because old viewers of spectra read it too and no NULL is needed.
    """
    document = VOTableFile(version=VERSION)
    resource = Resource(utype="spec:Spectrum", type="results")
    document.resources.append(resource)
    resource.infos.append(Info(name="QUERY_STATUS", value="OK"))
    table = TableElement(document, name="spectrum", utype="spec:Spectrum", config=OF_1_4)
    resource.tables.append(table)
    table.description = _description(product)
    _add_parameters(table, product)
    _add_rows(document, table, product)
    table.format = "tabledata" if tabledata else "binary"
    buffer = io.BytesIO()
    document.to_xml(buffer)
    return declare_prefix(buffer.getvalue(), "spec", namespace=NAMESPACE)


def _description(product: Product) -> str:
    return printable(
        f"Spectrum {product.entry.obs_publisher_did}; wavelengths in {product.medium}; "
        f"{product.scale.history.lower()}"
    )


def _add_parameters(table: TableElement, product: Product) -> None:
    """Add every fact as a PARAM, and GROUPs that refer to those the data model knows."""
    groups = {name: Group(table, utype=f"spec:Spectrum.{name}", config=OF_1_4) for name in _GROUPS}
    for item, value in facts(product):
        param = make_param(
            item.name, value, identifier=item.name, description=item.description,
            unit=item.unit, ucd=item.ucd, utype=f"spec:Spectrum.{item.utype}" if item.utype else None,
        )  # fmt: skip
        table.params.append(param)
        group = groups.get(item.utype.partition(".")[0])
        if group is not None:
            group.entries.append(ParamRef(table, ref=param.ID, utype=param.utype, config=OF_1_4))
    table.groups.extend(group for group in groups.values() if group.entries)


def _add_rows(document: VOTableFile, table: TableElement, product: Product) -> None:
    described = columns(product)
    table.fields.extend(make_field(document, column) for column, _ in described)
    table.create_arrays(len(product))
    for column, values in described:
        table.array.data[column.name] = values
        table.array.mask[column.name] = np.zeros(len(product), dtype=bool)


_UNPRINTABLE: Final = re.compile(r"[^ -~]")
"""What a card cannot hold (FITS 4.0, section 4.2.1)."""

_FITS_FORMATS: Final = {"double": "D", "boolean": "L"}


def write_fits(product: Product) -> bytes:
    """Write `product` as a FITS file: an empty primary array and one table, one row per pixel.

    The layout is that of the spectra of the Ondřejov archive, with more cards:
    the medium (``AIRORVAC``, ``VACUUM`` and the comment of ``TTYPE1``), the
    start of the exposure (``DATE-OBS``) and the resolving power (``SPEC_RP``).
    """
    described = columns(product)
    table = fits.BinTableHDU.from_columns(
        [_fits_column(column, values) for column, values in described], name="SPECTRUM"
    )
    for number, (column, _) in enumerate(described, start=1):
        _describe(table.header, number, column)
    for item, value in facts(product):
        _add_card(table.header, item, value)
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(buffer, checksum=True)
    return buffer.getvalue()


def _fits_column(column: Column, values: npt.NDArray[Any]) -> fits.Column:
    return fits.Column(
        name=column.name, format=_FITS_FORMATS[column.datatype], unit=column.unit, array=values
    )


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
    return _ascii(table, format="ascii.ecsv")


def _plain(product: Product, *, delimiter: str) -> bytes:
    return _ascii(_table(product), format="ascii.basic", delimiter=delimiter)


def _table(product: Product) -> Table:
    """Give the columns as a table; bad pixels are marked by 1, which every reader takes for a number."""
    table = Table()
    for column, values in columns(product):
        numbers = values.astype(np.uint8) if values.dtype == bool else values
        table[column.name] = TableColumn(numbers, unit=column.unit, description=column.description)
    table.rename_column("wavelength", f"wavelength_{product.medium}")
    return table


def _ascii(table: Table, *, format: str, delimiter: str | None = None) -> bytes:  # noqa: A002 - astropy's name
    buffer = io.StringIO()
    table.write(buffer, format=format, delimiter=delimiter or ",")
    return buffer.getvalue().encode()
