"""The tables and their columns as XML (VOSI 1.1, section 5; VODataService 1.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vo_models.vodataservice.models import FKColumn, ForeignKey, TableParam, TableSchema
from vo_models.vodataservice.models import Table as TableModel
from vo_models.vosi.tables import VOSITable, VOSITableSet

from service.adql import as_identifier
from service.store.tap_schema import keys_among, schema_descriptions, schema_names
from service.xml import tree_document
from vo_emline.tables import Column, Table


def tableset(
    tables: Sequence[Table], *, counts: Mapping[str, int], about: str = "", columns: bool = True
) -> bytes:
    """Give the document of all tables.

    Parameters
    ----------
    tables
        The published tables.
    counts
        Number of rows by qualified name.
    about
        Who made the release and how it is cited, for the description of its schema.
    columns
        Whether to list columns and keys (``detail=max``) or not (``detail=min``).
    """
    described = schema_descriptions(about)
    schemas = [
        _schema(name, described[name], tables, counts=counts, columns=columns)
        for name in schema_names(tables)
    ]
    listed = [table for name in schema_names(tables) for table in tables if table.schema == name]
    return _xml(VOSITableSet(tableset_schema=schemas), listed)


def table_document(table: Table, tables: Sequence[Table], *, counts: Mapping[str, int]) -> bytes:
    """Give the document of one table."""
    made = VOSITable(table_type="table", table_name=table.qualified_name)
    return _xml(_fill(made, table, tables, counts=counts, columns=True), [table])


def _xml(model: TableModel | VOSITableSet, tables: Sequence[Table]) -> bytes:
    tree = model.to_xml_tree(skip_empty=True)
    # VODataService keeps the xtype in an attribute of dataType; vo-models has a misplaced element for it.
    columns = [column for table in tables for column in table.columns]
    for element, column in zip(tree.iter("column"), columns, strict=False):
        if column.xtype:
            for kind in element.iter("dataType"):
                kind.set("extendedType", column.xtype)
    return tree_document(tree)


def _schema(
    name: str, description: str, tables: Sequence[Table], *, counts: Mapping[str, int], columns: bool
) -> TableSchema:
    members = [table for table in tables if table.schema == name]
    made = TableSchema(
        schema_name=name,
        table=[
            _fill(TableModel(table_type="table", table_name=table.qualified_name), table, tables,
                  counts=counts, columns=columns)
            for table in members
        ],
    )  # fmt: skip
    made.description = description
    return made


def _fill(
    made: TableModel, table: Table, tables: Sequence[Table], *, counts: Mapping[str, int], columns: bool
) -> TableModel:
    # Texts are assigned afterwards: the constructors of vo-models escape them, and lxml escapes them again.
    made.description = table.description
    made.utype = table.utype
    made.nrows = counts.get(table.qualified_name)
    if columns:
        made.column = [_column(column) for column in table.columns]
        made.foreign_key = _keys(table, tables)
    return made


def _column(column: Column) -> TableParam:
    made = TableParam(
        column_name=as_identifier(column.name), datatype=column.datatype, arraysize=column.arraysize,
        unit=column.unit, ucd=column.ucd, utype=column.utype,
        principal=int(column.principal), indexed=int(column.indexed), std=int(column.std),
    )  # fmt: skip
    made.description = column.description
    return made


def _keys(table: Table, tables: Sequence[Table]) -> list[ForeignKey]:
    return [
        ForeignKey(
            target_table=key.target,
            fk_column=[FKColumn(from_column=source, target_column=target) for source, target in key.columns],
            description=key.description,
        )
        for key in keys_among(tables)
        if key.source == table.qualified_name
    ]
