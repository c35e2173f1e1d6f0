"""Which names can be seen from where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlglot import expressions as exp

from service.adql.catalogue import same_name
from service.adql.values import Value
from vo_emline.tables import Table


@dataclass(frozen=True, slots=True)
class Field:
    """A column that can be named: of a table, of a subquery, or of a result."""

    name: str
    value: Value


@dataclass(slots=True, eq=False)
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
    path: tuple[str, ...] = ()
    """Identifiers of `table` in the database; of a common table expression its name."""

    @property
    def uploaded(self) -> bool:
        """Whether `table` came with the query: such tables have no schema in the database."""
        return self.table is not None and len(self.path) == 1

    def __deepcopy__(self, memo: dict[int, object]) -> Relation:
        """Stay the same table reference in a copied part of a tree."""
        return self

    def answers(self, qualifier: Sequence[exp.Identifier]) -> bool:
        """Tell whether ``qualifier.column`` means a column of this table reference."""
        if not same_name(qualifier[-1], self.name):
            return False
        rest = qualifier[:-1]
        return not rest or (len(rest) == 1 and self.schema is not None and same_name(rest[0], self.schema))

    def find(self, name: exp.Identifier) -> list[Field]:
        """Give the columns of this name; an exact match wins over one in other case."""
        found = [item for item in self.fields or () if same_name(name, item.name)]
        exact = [item for item in found if item.name == name.this]
        return exact if len(exact) == 1 else found


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
