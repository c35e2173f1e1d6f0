"""TAP_SCHEMA (TAP 1.1, section 4): its own tables, and their rows made from the table descriptions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.adql import as_identifier
from vo_emline.candidates.columns import CANDIDATES, CHANGES, EPOCHS, KNOWN, OBJECTS, SAID, SCORES
from vo_emline.candidates.obscore import OBSCORE
from vo_emline.tables import Column, Datatype, Table

SCHEMAS: Final[Mapping[str, str]] = {
    "emline": "Spectra classified at H-alpha: candidates, all scores, and what could not be classified",
    "ivoa": "Tables of data models of the IVOA",
    "tap_schema": "Description of the schemas, tables and columns of this service",
}
"""What each schema holds, in the order they are listed."""


def schema_descriptions(about: str) -> dict[str, str]:
    """Give what each schema holds; that of the release says who made it and how it is cited (`about`)."""
    return {name: f"{text}. {about}".strip() if about and name == "emline" else text
            for name, text in SCHEMAS.items()}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """Columns by which two published tables may be joined."""

    source: str
    """Qualified name of the table the key starts from."""
    target: str
    columns: tuple[tuple[str, str], ...]
    """Pairs of column names: in the source, in the target."""
    description: str

    @property
    def key_id(self) -> str:
        """Identifier of the key in TAP_SCHEMA."""
        pairs = "_".join(source for source, _ in self.columns)
        return f"{self.source}.{pairs}-{self.target}"


def _text(name: str, description: str, **more: Any) -> Column:
    return _cell(name, "char", description, arraysize="*", **more)


def _cell(name: str, datatype: Datatype, description: str, **more: Any) -> Column:
    return Column(name=name, datatype=datatype, description=description, principal=True, std=True, **more)


def _table(name: str, description: str, *columns: Column) -> Table:
    return Table(schema="tap_schema", name=name, description=description, columns=columns)


TAP_SCHEMA: Final = (
    _table(
        "schemas", "The schemas of this service",
        _text("schema_name", "Name of the schema"),
        _text("utype", "Data model of the schema"),
        _text("description", "What the schema holds"),
        _cell("schema_index", "int", "Place in a listing"),
    ),
    _table(
        "tables", "The tables of this service",
        _text("schema_name", "Schema of the table"),
        _text("table_name", "Qualified name, as queries write it"),
        _text("table_type", "table or view"),
        _text("utype", "Data model of the table"),
        _text("description", "What the table holds"),
        _cell("table_index", "int", "Place in a listing"),
    ),
    _table(
        "columns", "The columns of this service",
        _text("table_name", "Table of the column"),
        _text("column_name", "Name, as queries write it"),
        _text("datatype", "VOTable datatype"),
        _text("arraysize", "VOTable arraysize; NULL for scalars"),
        _text("xtype", "VOTable xtype"),
        _cell("size", "int", "Fixed length of an array; deprecated in favour of arraysize"),
        _text("description", "What the column holds"),
        _text("utype", "Data model element"),
        _text("unit", "Unit, VOUnit syntax"),
        _text("ucd", "Unified content descriptor"),
        _cell("indexed", "int", "1 where a condition on the column is answered quickly"),
        _cell("principal", "int", "1 for the columns of most interest"),
        _cell("std", "int", "1 where a standard defines the column"),
        _cell("column_index", "int", "Place in a listing"),
    ),
    _table(
        "keys", "Foreign keys: which tables may be joined",
        _text("key_id", "Identifier of the key"),
        _text("from_table", "Table the key starts from"),
        _text("target_table", "Table the key points to"),
        _text("utype", "Data model of the key"),
        _text("description", "What the join means"),
    ),
    _table(
        "key_columns", "The columns of the foreign keys",
        _text("key_id", "Identifier of the key"),
        _text("from_column", "Column of the table the key starts from"),
        _text("target_column", "Column of the table the key points to"),
    ),
)  # fmt: skip
"""The tables of TAP_SCHEMA."""

_DID = (("obs_publisher_did", "obs_publisher_did"),)
_RUN = (("candidate_id", "candidate_id"),)
KEYS: Final = (
    ForeignKey(source=CANDIDATES.qualified_name, target=OBSCORE.qualified_name, columns=_DID,
               description="The observation behind a candidate"),
    ForeignKey(source=SCORES.qualified_name, target=OBSCORE.qualified_name, columns=_DID,
               description="The observation behind a score"),
    ForeignKey(source=CANDIDATES.qualified_name, target=SCORES.qualified_name, columns=_RUN,
               description="The candidate among all classified spectra"),
    ForeignKey(source=EPOCHS.qualified_name, target=OBJECTS.qualified_name,
               columns=(("object_id", "object_id"),), description="The star of a spectrum"),
    ForeignKey(source=EPOCHS.qualified_name, target=SCORES.qualified_name, columns=_RUN,
               description="What was found in a spectrum of a star"),
    ForeignKey(source=SAID.qualified_name, target=SCORES.qualified_name, columns=_RUN,
               description="What the network says of a spectrum that people labelled"),
    ForeignKey(source=KNOWN.qualified_name, target=OBJECTS.qualified_name,
               columns=(("object_id", "object_id"),), description="The star that a catalogue names"),
    ForeignKey(source=CHANGES.qualified_name, target=SCORES.qualified_name, columns=_RUN,
               description="The spectrum of a candidate that changed, where it is still here"),
    ForeignKey(source="tap_schema.tables", target="tap_schema.schemas",
               columns=(("schema_name", "schema_name"),), description="The schema of a table"),
    ForeignKey(source="tap_schema.columns", target="tap_schema.tables",
               columns=(("table_name", "table_name"),), description="The table of a column"),
    ForeignKey(source="tap_schema.keys", target="tap_schema.tables",
               columns=(("from_table", "table_name"),), description="The table a key starts from"),
    ForeignKey(source="tap_schema.keys", target="tap_schema.tables",
               columns=(("target_table", "table_name"),), description="The table a key points to"),
    ForeignKey(source="tap_schema.key_columns", target="tap_schema.keys",
               columns=(("key_id", "key_id"),), description="The key of a pair of columns"),
)  # fmt: skip
"""Every join the service recommends; :func:`keys_among` gives those whose tables are present."""


def keys_among(tables: Sequence[Table]) -> tuple[ForeignKey, ...]:
    """Give the foreign keys whose two tables are both among `tables`."""
    names = {table.qualified_name for table in tables}
    return tuple(key for key in KEYS if {key.source, key.target} <= names)


def schema_names(tables: Sequence[Table]) -> list[str]:
    """Give the schemas of `tables`, in the order they are listed."""
    used = {table.schema for table in tables}
    return [name for name in SCHEMAS if name in used]


def rows(tables: Sequence[Table], *, about: str = "") -> dict[str, list[dict[str, Any]]]:
    """Give the rows of every table of TAP_SCHEMA, by its name.

    Parameters
    ----------
    tables
        The published tables.
    about
        Who made the release and how it is cited.
    """
    keys = keys_among(tables)
    return {
        "schemas": list(_schema_rows(tables, schema_descriptions(about))),
        "tables": list(_table_rows(tables)),
        "columns": [row for table in tables for row in _column_rows(table)],
        "keys": [
            {"key_id": key.key_id, "from_table": key.source, "target_table": key.target,
             "description": key.description}
            for key in keys
        ],
        "key_columns": [
            {"key_id": key.key_id, "from_column": source, "target_column": target}
            for key in keys
            for source, target in key.columns
        ],
    }  # fmt: skip


def _schema_rows(tables: Sequence[Table], described: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for index, name in enumerate(schema_names(tables)):
        yield {"schema_name": name, "description": described[name], "schema_index": index}


def _table_rows(tables: Sequence[Table]) -> Iterator[dict[str, Any]]:
    for index, table in enumerate(tables):
        yield {
            "schema_name": table.schema,
            "table_name": table.qualified_name,
            "table_type": "table",
            "utype": table.utype,
            "description": table.description,
            "table_index": index,
        }


def _column_rows(table: Table) -> Iterator[dict[str, Any]]:
    for index, column in enumerate(table.columns):
        yield {
            "table_name": table.qualified_name,
            "column_name": as_identifier(column.name),
            "datatype": column.datatype,
            "arraysize": column.arraysize,
            "xtype": column.xtype,
            "size": None,
            "description": column.description,
            "utype": column.utype,
            "unit": column.unit,
            "ucd": column.ucd,
            "indexed": int(column.indexed),
            "principal": int(column.principal),
            "std": int(column.std),
            "column_index": index,
        }
