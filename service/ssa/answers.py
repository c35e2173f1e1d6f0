"""Answers to SSA queries: the query run, and rows, descriptions and errors as VOTables."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from astropy.io.votable.tree import Info, Param, Resource, TableElement, VOTableFile

from service.context import Services
from service.datalink import descriptors
from service.formats.header import (
    VERSION,
    ParamValue,
    declare_prefix,
    make_field,
    make_param,
    status_document,
)
from service.formats.result import Result
from service.formats.votable import write_tabledata
from service.products.entries import original_type
from service.ssa.columns import SSA
from service.ssa.conditions import SEPARATION_SQL
from service.ssa.parameters import PARAMETERS
from service.ssa.request import NATIVE_TYPE, AccessFormat, SsaRequest
from service.ssa.values import read_time
from service.urls import Urls
from vo_emline.tables import Column

_HIDDEN: Final = ("layout", "path")


def run_query(services: Services, request: SsaRequest) -> Result:
    """Find the spectra that `request` asks for, best first.

    Returns
    -------
    Result
        With the columns of :data:`~service.ssa.columns.SSA`; one row per spectrum and format.
    """
    published = services.store.published.strftime("%Y-%m-%dT%H:%M:%S")
    constants = {
        "publisher": services.settings.publisher,
        "contact": services.settings.contact,
        "published": f"{published}Z",
        "formats": _formats(request),
    }
    sql, parameters = find_sql(request)
    with services.store.lease() as release:
        sql = sql.format(index=release.index)
        found = release.arrow(sql, {**parameters, "published_mjd": read_time(published)[0]})
    rows = _computed(answer_sql(request, base_url=services.urls.base), found, constants)
    batches = _visible(rows).to_batches()
    return Result(columns=SSA.columns, batches=batches, limit=request.maxrec, infos=services.origin())


def find_sql(request: SsaRequest) -> tuple[str, dict[str, Any]]:
    """Write the SQL that finds the spectra in ``{index}``, and give the values of its named parameters.

    Nothing of the request gets into the SQL but through parameters; row limits
    and pixel ranges are whole numbers made here. Both databases understand it.
    """
    parameters = {name: value for item in request.conditions for name, value in item.parameters.items()}
    separation, radius = (SEPARATION_SQL, "$pos_radius") if request.positional else ("NULL", "NULL")
    conditions = [item.sql for item in request.conditions] + ([] if request.formats else ["false"])
    where = " AND ".join(f"({condition})" for condition in conditions) or "true"
    nearest = "ORDER BY separation, obs_publisher_did" if request.positional else ""
    sql = f"""
        SELECT *, CAST({separation} AS float8) AS separation, CAST({radius} AS float8) AS radius
        FROM (SELECT *, CAST($published_mjd AS float8) AS published_mjd FROM {{index}}) AS spectra
        WHERE {where} {nearest} LIMIT {_limit(request)}
    """  # noqa: S608
    return sql, parameters


def answer_sql(request: SsaRequest, *, base_url: str) -> str:
    """Write the SQL that makes the answer of the spectra that were found, one row for each format.

    The rows are chosen before the columns are computed: that costs a tenth of the time.
    """
    address = base_url.replace("'", "''")
    columns = ", ".join(
        f'{(column.computed or column.name).replace("{base_url}", address)} AS "{column.name}"'
        for column in SSA.columns
    )
    return f"""
        WITH formats AS (SELECT unnest($formats, recursive := true))
        SELECT {columns}, {", ".join(_HIDDEN)} FROM found CROSS JOIN formats
        ORDER BY separation, obs_publisher_did, place LIMIT {_limit(request)}
    """  # noqa: S608


def _limit(request: SsaRequest) -> int:
    return request.maxrec + 1 if request.top is None else min(request.top, request.maxrec + 1)


def _formats(request: SsaRequest) -> list[dict[str, Any]]:
    """Give the formats as rows; one that is empty where none is asked for, so that the types are known."""
    return [
        {
            "place": place, "mime": item.media_type, "prefix": item.prefix, "suffix": item.suffix,
            "pixel_bytes": item.pixel_bytes, "fixed_bytes": item.fixed_bytes,
        }
        for place, item in enumerate(request.formats or [AccessFormat(media_type="", prefix="")])
    ]  # fmt: skip


def _computed(sql: str, found: pa.Table, constants: Mapping[str, Any]) -> pa.Table:
    """Run the SQL of an answer over the rows `found`."""
    with _calculator().cursor() as cursor:
        cursor.register("found", found)
        return cursor.sql(sql, params=dict(constants)).to_arrow_table()


@cache
def _calculator() -> duckdb.DuckDBPyConnection:
    """Give a database without tables, in which columns are computed."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": False, "python_enable_replacements": False, "lock_configuration": True,
    }  # fmt: skip
    return duckdb.connect(":memory:", config=config)


def _visible(rows: pa.Table) -> pa.Table:
    """Fill in the media types of original files and drop the columns that are not for clients."""
    mime = rows["mime"]
    native = pc.equal(mime, NATIVE_TYPE)
    if pc.any(native).as_py():
        pairs = zip(rows["layout"].to_pylist(), rows["path"].to_pylist(), strict=True)
        types = pa.array([original_type(layout, Path(path)) for layout, path in pairs], pa.string())
        mime = pc.if_else(native, types, mime)
        rows = rows.set_column(rows.column_names.index("mime"), "mime", mime)
    return rows.drop_columns(list(_HIDDEN))


PROTOCOL: Final = "1.1"
NAMESPACE: Final = "http://www.ivoa.net/xml/DalSsap/v1.0"
"""Namespace of the prefix ``ssa`` (SSA 1.1, section 4.2.1)."""

_INFO: Final = f'name="SERVICE_PROTOCOL" value="{PROTOCOL}"'.encode()


def write_rows(result: Result, *, urls: Urls) -> Iterator[bytes]:
    """Write the answer to a query, piece by piece, with descriptors of DataLink and cut-outs."""
    result.infos = {"SERVICE_PROTOCOL": PROTOCOL, **result.infos}
    result.resources = descriptors(result.columns, urls)
    pieces = write_tabledata(result)
    yield _finished(next(pieces))
    yield from pieces


def write_error(message: str, *, infos: Mapping[str, str]) -> bytes:
    """Write an error document (SSA 1.1, section 8.10)."""
    return _finished(status_document("ERROR", message, infos=infos))


def write_metadata(description: str, *, infos: Mapping[str, str]) -> bytes:
    """Describe the service: parameters as ``INPUT:``, columns as ``OUTPUT:`` and FIELDs (FORMAT=METADATA)."""
    document = VOTableFile(version=VERSION)
    resource = Resource(type="results")
    resource.description = description
    resource.infos.append(Info(name="QUERY_STATUS", value="OK"))
    resource.infos.append(Info(name="SERVICE_PROTOCOL", value=PROTOCOL))
    resource.infos.extend(Info(name=name, value=value) for name, value in infos.items())
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
