"""Which names there are, and what they mean: tables of the service, table references, their columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from service.adql.errors import nearest
from service.adql.values import Value
from vo_emline.tables import Column, Table


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier as the query writes it, quotes removed."""

    text: str
    delimited: bool = False
    place: int = field(default=0, compare=False)

    def means(self, name: str) -> bool:
        """Tell whether it means `name`: exactly if delimited, else in any case (ADQL 2.1, section 2.1.6)."""
        return self.text == name if self.delimited else self.text.lower() == name.lower()


def quoted(name: str) -> str:
    """Give a name as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def dotted(names: Iterable[Name]) -> str:
    """Give names as they are written one behind the other."""
    return ".".join(name.text for name in names)


@dataclass(frozen=True, slots=True)
class Field:
    """A column that can be named: of a table, of a subquery, or of a result."""

    name: str
    value: Value

    @property
    def column(self) -> Column:
        """The column as a result describes it."""
        return replace(self.value.column, name=self.name, computed=None)


@dataclass(frozen=True, eq=False)
class Relation:
    """One table reference of a FROM clause."""

    name: str
    """Name under which queries know it: its alias, or its own."""
    fields: Sequence[Field] | None
    """Its columns; ``None`` where tables are not looked up."""
    sql_name: str
    """Unique name in the statement for the database."""
    schema: str | None = None
    """Schema, for tables without an alias."""
    table: Table | None = None
    """The published or uploaded table behind it, if it is one."""
    source: str = ""
    """SQL of `table`, or of a common table expression; empty for subqueries."""
    uploaded: bool = False
    """Whether `table` came with the query."""

    def answers(self, qualifier: Sequence[Name]) -> bool:
        """Tell whether ``qualifier.column`` means a column of this table reference."""
        if not qualifier[-1].means(self.name):
            return False
        rest = qualifier[:-1]
        return not rest or (len(rest) == 1 and self.schema is not None and rest[0].means(self.schema))

    def find(self, name: Name) -> list[Field]:
        """Give the columns of this name; an exact match wins over one in other case."""
        found = [item for item in self._index.get(name.text.lower(), ()) if name.means(item.name)]
        exact = [item for item in found if item.name == name.text]
        return exact if len(exact) == 1 else found

    @cached_property
    def _index(self) -> dict[str, list[Field]]:
        index: dict[str, list[Field]] = {}
        for item in self.fields or ():
            index.setdefault(item.name.lower(), []).append(item)
        return index


@dataclass(slots=True, eq=False)
class Scope:
    """The table references of one SELECT."""

    outer: Scope | None = None
    """The SELECT around it, whose columns a subquery in a condition may name."""
    relations: list[Relation] = field(default_factory=list)
    merged: dict[str, Field] = field(default_factory=dict)
    """Columns joined by USING or NATURAL, by lower-case name."""

    def chain(self) -> Iterator[Scope]:
        """Give this scope and those around it, inside out."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer

    @property
    def known(self) -> bool:
        """Whether the columns of all tables are known."""
        return all(relation.fields is not None for relation in self.relations)

    def names(self) -> list[str]:
        """Give the names of all columns that can be seen."""
        return [item.name for scope in self.chain() for each in scope.relations for item in each.fields or ()]


@dataclass(frozen=True, slots=True)
class Entry:
    """One table, and how the database reads it."""

    table: Table
    source: str
    """What stands for it in FROM."""
    uploaded: bool


class Catalogue:
    """The tables of the service and of one query.

    Parameters
    ----------
    tables
        Published tables.
    uploads
        Tables uploaded with the query; the database knows each under the one
        identifier ``"TAP_UPLOAD.name"``.
    sources
        SQL that stands for a published table in FROM, by its qualified name; without,
        the database knows the table as ``"schema"."name"``.
    """

    def __init__(
        self, tables: Iterable[Table], *, uploads: Iterable[Table] = (),
        sources: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        given = sources or {}
        self._entries = [
            Entry(table, given.get(table.qualified_name, _path(table)), uploaded=False) for table in tables
        ]
        self._entries += [Entry(table, quoted(table.qualified_name), uploaded=True) for table in uploads]

    def find(self, names: Sequence[Name]) -> list[Entry]:
        """Give the tables that a name of one part (table) or two (schema, table) may mean."""
        return [entry for entry in self._entries if _matches(names, entry.table)]

    def nearest(self, names: Sequence[Name]) -> str | None:
        """Give the qualified name most like the one written."""
        known = {entry.table.qualified_name: entry.table.qualified_name for entry in self._entries}
        if len(names) == 1:
            known = {entry.table.name: entry.table.qualified_name for entry in self._entries}
        found = nearest(dotted(names), known)
        return known[found] if found else None


def _path(table: Table) -> str:
    return f"{quoted(table.schema)}.{quoted(table.name)}"


def _matches(names: Sequence[Name], table: Table) -> bool:
    own = (table.schema, table.name)[-len(names) :]
    return len(names) == len(own) and all(name.means(mine) for name, mine in zip(names, own, strict=True))
