"""Spectra as VOTables in the IVOA spectrum data model (Spectrum Data Model 1.1, section 8)."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from astropy.io.votable.tree import (
    Group,
    Info,
    ParamRef,
    Resource,
    TableElement,
    VOTableFile,
)

from service.products.columns import columns
from service.products.elements import OF_1_4, declare_prefix, make_field, make_param
from service.products.metadata import facts
from service.products.product import Product
from service.votable.header import VERSION, printable

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
