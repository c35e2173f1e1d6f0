"""The FROM clause: which tables it names, and which columns its joins merge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from service.adql.errors import Reporter
from service.adql.names import Catalogue, Entry, Field, Name, Relation, Scope, dotted, quoted
from service.adql.nodes import Derived, EnclosedJoin, Join, Query, Reference, StoredTable, TableName
from service.adql.resolve.expressions import Expressions
from service.adql.values import of_column

MAX_READS: Final = 100
"""Tables a query may read, those of a common table expression counted wherever it is used."""


@dataclass(frozen=True, slots=True)
class Known:
    """A common table expression that has been resolved."""

    name: Name
    outputs: Sequence[Field] | None
    reads: int
    """Tables it reads."""


class FromClause:
    """Resolves FROM clauses.

    Parameters
    ----------
    report
        Makes errors.
    catalogue
        The tables there are; ``None`` if they are not to be looked up.
    common
        The common table expressions seen so far, by lower-case name (read when needed).
    expressions
        Resolves join conditions.
    subquery
        Resolves a derived table and gives its columns.
    """

    def __init__(
        self, report: Reporter, *, catalogue: Catalogue | None, common: dict[str, Known],
        expressions: Expressions,
        subquery: Callable[[Query], tuple[Query, Sequence[Field] | None]],
    ) -> None:  # fmt: skip
        self._report = report
        self._catalogue = catalogue
        self._common = common
        self._expressions = expressions
        self._subquery = subquery
        self._sql_names: set[str] = set()
        self.tables: set[str] = set()
        """Qualified names of the tables met so far."""
        self.reads = 0
        """Tables read so far, as often as they are read."""

    def resolve(self, sources: Sequence[Reference], scope: Scope) -> tuple[Reference, ...]:
        """Find the tables of a FROM clause and put them into `scope`."""
        return tuple(self._reference(reference, scope)[0] for reference in sources)

    def _reference(self, node: Reference, scope: Scope) -> tuple[Reference, list[Relation]]:
        match node:
            case EnclosedJoin(inner):
                found, relations = self._reference(inner, scope)
                return replace(node, inner=found), relations
            case Join():
                return self._joined(node, scope)
            case TableName():
                relation = self._table(node)
                return StoredTable(self._entered(node, relation, scope), place=node.place), [relation]
            case Derived():
                query, outputs = self._subquery(node.query)
                relation = self._named(node.alias, outputs)
                self._entered(node, relation, scope)
                return replace(node, query=query, relation=relation), [relation]
            case StoredTable(relation):
                return node, [relation]

    def _entered(self, node: Reference, relation: Relation, scope: Scope) -> Relation:
        twice = [each for each in scope.relations if each.name.lower() == relation.name.lower()]
        if any(each.schema == relation.schema for each in twice):
            hint = "give each table its own alias"
            raise self._report(node, f"{relation.name} stands twice in FROM", hint=hint)
        scope.relations.append(relation)
        return relation

    def _named(
        self, name: Name, fields: Sequence[Field] | None, *, schema: str | None = None,
        source: str = "",
    ) -> Relation:  # fmt: skip
        sql_name = self._sql_name(name.text)
        return Relation(name=name.text, fields=fields, sql_name=sql_name, schema=schema, source=source)

    def _table(self, node: TableName) -> Relation:
        *_, name = node.names
        alone = len(node.names) == 1
        common = self._common.get(name.text.lower()) if alone else None
        if common is not None and name.means(common.name.text):
            self._count(node, common.reads)
            return self._named(node.alias or common.name, common.outputs, source=quoted(common.name.text))
        self._count(node, 1)
        if self._catalogue is None:
            schema = None if alone or node.alias is not None else node.names[-2].text
            return self._named(node.alias or name, None, schema=schema)
        return self._published(self._entry(node, self._catalogue), node.alias)

    def _count(self, node: TableName, reads: int) -> None:
        self.reads += reads
        if self.reads > MAX_READS:
            raise self._report(
                node,
                f"the query reads more than {MAX_READS} tables",
                hint="a common table expression counts wherever it is used, with all that it reads",
            )

    def _entry(self, node: TableName, catalogue: Catalogue) -> Entry:
        found = catalogue.find(node.names)
        written = dotted(node.names)
        if not found:
            guess = catalogue.nearest(node.names)
            hint = f"did you mean {guess}?" if guess else "TAP_SCHEMA.tables lists the tables"
            raise self._report(node, f"there is no table {written}", hint=hint)
        if len(found) > 1:
            names = ", ".join(entry.table.qualified_name for entry in found)
            raise self._report(node, f"{written} may mean {names}", hint="write the schema too")
        return found[0]

    def _published(self, entry: Entry, alias: Name | None) -> Relation:
        table = entry.table
        self.tables.add(table.qualified_name)
        name = table.name if alias is None else alias.text
        return Relation(
            name=name, fields=[Field(column.name, of_column(column)) for column in table.columns],
            sql_name=self._sql_name(name), table=table, source=entry.source, uploaded=entry.uploaded,
            schema=table.schema if alias is None else None,
        )  # fmt: skip

    def _sql_name(self, name: str) -> str:
        """Give a name that no other table reference of the whole statement has."""
        candidate, count = name, 1
        while candidate.lower() in self._sql_names or candidate.lower() in self._common:
            count += 1
            candidate = f"{name}_{count}"
        self._sql_names.add(candidate.lower())
        return candidate

    def _joined(self, node: Join, scope: Scope) -> tuple[Reference, list[Relation]]:
        left, first = self._reference(node.left, scope)
        right, second = self._reference(node.right, scope)
        using = _in_common(first, second, scope) if node.natural else node.using
        using = tuple(self._merged(name, first, second, scope) for name in using)
        relations = [*first, *second]
        on = node.on
        if on is not None:
            seen = Scope(outer=scope.outer, relations=relations, merged=scope.merged)
            on = self._expressions.condition(on, seen)
        return replace(node, left=left, right=right, on=on, using=using), relations

    def _merged(self, name: Name, left: list[Relation], right: list[Relation], scope: Scope) -> Name:
        """Merge the columns of a name, and give the name that the database knows."""
        if any(relation.fields is None for relation in (*left, *right)):
            return name
        field, _ = (self._side(name, each, scope)[0] for each in (left, right))
        scope.merged[field.name.lower()] = field
        return Name(field.name, delimited=True, place=name.place)

    def _side(self, name: Name, relations: list[Relation], scope: Scope) -> list[Field]:
        found = [item for relation in relations for item in relation.find(name)]
        if not found:
            raise self._report(name, f"USING needs a column {name.text} on both sides of the join")
        if len(found) > 1 and name.text.lower() not in scope.merged:
            message = f"{name.text} is a column of more than one table"
            raise self._report(name, message, hint="join with ON")
        return found


def _in_common(left: list[Relation], right: list[Relation], scope: Scope) -> tuple[Name, ...]:
    """Give the columns that a natural join is by."""
    names = {item.name.lower() for relation in left for item in relation.fields or ()} | set(scope.merged)
    theirs = [item.name for relation in right for item in relation.fields or ()]
    return tuple(Name(name, delimited=True) for name in theirs if name.lower() in names)


def joins(reference: Reference) -> Iterator[Join]:
    """Give the joins in a table reference, those within subqueries left out."""
    match reference:
        case Join(left, right):
            yield reference
            yield from joins(left)
            yield from joins(right)
        case EnclosedJoin(inner):
            yield from joins(inner)
        case TableName() | StoredTable() | Derived():
            return
