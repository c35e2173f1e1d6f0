"""The tables a query may read, found by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlglot import expressions as exp

from service.adql.suggest import nearest
from vo_emline.tables import Table


def same_name(identifier: exp.Identifier, name: str) -> bool:
    """Tell whether `identifier` means `name`: exactly if delimited, else in any case (section 2.1.6)."""
    if identifier.args.get("quoted"):
        return bool(identifier.this == name)
    return bool(identifier.this.lower() == name.lower())


@dataclass(frozen=True, slots=True)
class Entry:
    """One table, and the identifiers under which the database knows it."""

    table: Table
    path: tuple[str, ...]


class Catalogue:
    """The tables of the service and of one query.

    Parameters
    ----------
    tables
        Published tables; the database knows them as ``schema.name``.
    uploads
        Tables uploaded with the query; the database knows each under the one
        identifier ``"TAP_UPLOAD.name"``, as a registered Arrow table.
    """

    def __init__(self, tables: Iterable[Table], *, uploads: Iterable[Table] = ()) -> None:
        self._entries = [Entry(table, (table.schema, table.name)) for table in tables]
        self._entries += [Entry(table, (table.qualified_name,)) for table in uploads]

    def find(self, parts: Sequence[exp.Identifier]) -> list[Entry]:
        """Give the tables that a name of one part (table) or two (schema, table) may mean."""
        return [entry for entry in self._entries if _matches(parts, entry.table)]

    def nearest(self, parts: Sequence[exp.Identifier]) -> str | None:
        """Give the qualified name most like the one written."""
        written = ".".join(part.this for part in parts)
        names = {entry.table.qualified_name: entry.table.qualified_name for entry in self._entries}
        if len(parts) == 1:
            names = {entry.table.name: entry.table.qualified_name for entry in self._entries}
        found = nearest(written, names)
        return names[found] if found else None


def _matches(parts: Sequence[exp.Identifier], table: Table) -> bool:
    names = (table.schema, table.name)[-len(parts) :]
    return len(parts) == len(names) and all(map(same_name, parts, names))
