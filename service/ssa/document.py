"""SSA answers as VOTables: rows, descriptions of the service, errors."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from typing import Final

from astropy.io.votable.tree import Info, Param, Resource, TableElement, VOTableFile

from service.datalink import descriptors
from service.formats.result import Result
from service.products.elements import ParamValue, declare_prefix, make_field, make_param
from service.ssa.columns import SSA
from service.ssa.parameters import PARAMETERS
from service.urls import Urls
from service.votable.document import write_tabledata
from service.votable.header import VERSION, status_document
from vo_emline.tables import Column

PROTOCOL: Final = "1.1"
NAMESPACE: Final = "http://www.ivoa.net/xml/DalSsap/v1.0"
"""Namespace of the prefix ``ssa`` (SSA 1.1, section 4.2.1)."""

_INFO: Final = f'name="SERVICE_PROTOCOL" value="{PROTOCOL}"'.encode()


def write_rows(result: Result, *, urls: Urls) -> Iterator[bytes]:
    """Write the answer to a query, piece by piece, with descriptors of DataLink and cut-outs."""
    result.infos = {"SERVICE_PROTOCOL": PROTOCOL}
    result.resources = descriptors(result.columns, urls)
    pieces = write_tabledata(result)
    yield _finished(next(pieces))
    yield from pieces


def write_error(message: str) -> bytes:
    """Write an error document (SSA 1.1, section 8.10)."""
    return _finished(status_document("ERROR", message))


def write_metadata(description: str) -> bytes:
    """Describe the service: parameters as ``INPUT:``, columns as ``OUTPUT:`` and FIELDs (FORMAT=METADATA)."""
    document = VOTableFile(version=VERSION)
    resource = Resource(type="results")
    resource.description = description
    resource.infos.append(Info(name="QUERY_STATUS", value="OK"))
    resource.infos.append(Info(name="SERVICE_PROTOCOL", value=PROTOCOL))
    resource.params.extend(
        make_param(
            f"INPUT:{item.name}",
            identifier=f"INPUT_{item.name}",
            description=item.description,
            unit=item.unit,
            ucd=item.ucd,
        )
        for item in PARAMETERS
    )
    resource.params.extend(_outputs(SSA.columns))
    table = TableElement(document)
    table.fields.extend(make_field(document, column) for column in SSA.columns)
    resource.tables.append(table)
    document.resources.append(resource)
    buffer = io.BytesIO()
    document.to_xml(buffer)
    return _finished(buffer.getvalue())


def _outputs(columns: Sequence[Column]) -> Iterator[Param]:
    for column in columns:
        yield make_param(
            f"OUTPUT:{column.name}", _nothing(column), identifier=f"OUTPUT_{column.name}",
            description=column.description, unit=column.unit, ucd=column.ucd, utype=column.utype,
        )  # fmt: skip


def _nothing(column: Column) -> ParamValue:
    """Give a value of the column's type that says nothing, for PARAMs must have one."""
    if column.is_array:
        return (math.nan, math.nan)
    return "" if column.datatype == "char" else 0 if column.datatype in ("int", "long") else math.nan


def _finished(document: bytes) -> bytes:
    """Declare the prefix of the utypes and name the protocol as clients of SSA expect it."""
    named = document.replace(_INFO + b"/>", _INFO + b">SSAP</INFO>", 1)
    return declare_prefix(named, "ssa", namespace=NAMESPACE)
