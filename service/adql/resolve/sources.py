"""The FROM clause: which tables it names, and which columns its joins merge."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import expressions as exp

from service.adql.catalogue import Catalogue, Entry, same_name
from service.adql.resolve.expressions import Expressions
from service.adql.resolve.outputs import Output
from service.adql.resolve.problems import Reporter
from service.adql.resolve.scope import Field, Relation, Scope
from service.adql.tree import Joined, Node, Sources
from service.adql.values import of_column

CommonTables = dict[str, tuple[exp.Identifier, Sequence[Output] | None]]
"""The common table expressions of a query: their names as written, and what they give."""


class FromClause:
    """Resolves FROM clauses.

    Parameters
    ----------
    report
        Makes errors.
    catalogue
        The tables there are; ``None`` if they are not to be looked up.
    common
        The common table expressions seen so far (read when needed).
    expressions
        Resolves join conditions.
    subquery
        Resolves a derived table and gives its columns.
    """

    def __init__(
        self, report: Reporter, *, catalogue: Catalogue | None, common: CommonTables,
        expressions: Expressions,
        subquery: Callable[[Node], Sequence[Output] | None],
    ) -> None:  # fmt: skip
        self._report = report
        self._catalogue = catalogue
        self._common = common
        self._expressions = expressions
        self._subquery = subquery
        self._sql_names: set[str] = set()
        self.tables: set[str] = set()
        """Qualified names of the tables met so far."""

    def resolve(self, sources: Sources, scope: Scope) -> None:
        """Put the table references into `scope`."""
        for reference in sources.expressions:
            self._reference(reference, scope)

    def _reference(self, node: Node, scope: Scope) -> list[Relation]:
        if isinstance(node, exp.Paren):
            return self._reference(node.this, scope)
        if isinstance(node, Joined):
            return self._joined(node, scope)
        relation = self._table(node) if isinstance(node, exp.Table) else self._derived(node)
        twice = [each for each in scope.relations if each.name.lower() == relation.name.lower()]
        if any(each.schema == relation.schema for each in twice):
            hint = "give each table its own alias"
            raise self._report(node, f"{relation.name} stands twice in FROM", hint=hint)
        scope.relations.append(relation)
        node.meta["relation"] = relation
        return [relation]

    def _derived(self, node: Node) -> Relation:
        outputs = self._subquery(node.this)
        name = node.args["alias"].this
        return self._aliased(node, name, _fields(outputs))

    def _aliased(self, node: Node, name: exp.Identifier, fields: Sequence[Field] | None) -> Relation:
        relation = Relation(name=name.this, fields=fields, sql_name=self._sql_name(name.this))
        self._set_alias(node, relation)
        return relation

    def _set_alias(self, node: Node, relation: Relation) -> None:
        identifier = exp.Identifier(this=relation.sql_name, quoted=True)
        node.set("alias", exp.TableAlias(this=identifier))

    def _table(self, node: exp.Table) -> Relation:
        parts = [node.args[key] for key in ("catalog", "db", "this") if node.args.get(key)]
        alias = node.args["alias"].this if node.args.get("alias") else None
        common = self._common.get(parts[0].this.lower()) if len(parts) == 1 else None
        if common is not None and same_name(parts[0], common[0].this):
            relation = self._aliased(node, alias or common[0], _fields(common[1]))
            relation.path = (common[0].this,)
            node.set("this", exp.Identifier(this=common[0].this, quoted=True))
            return relation
        if self._catalogue is None:
            schema = parts[-2].this if len(parts) > 1 and alias is None else None
            relation = self._aliased(node, alias or parts[-1], None)
            relation.schema = schema
            return relation
        return self._published(node, self._entry(node, parts, self._catalogue), alias)

    def _entry(self, node: exp.Table, parts: list[exp.Identifier], catalogue: Catalogue) -> Entry:
        found = catalogue.find(parts)
        written = ".".join(part.this for part in parts)
        if not found:
            guess = catalogue.nearest(parts)
            hint = f"did you mean {guess}?" if guess else "TAP_SCHEMA.tables lists the tables"
            raise self._report(node, f"there is no table {written}", hint=hint)
        if len(found) > 1:
            names = ", ".join(entry.table.qualified_name for entry in found)
            raise self._report(node, f"{written} may mean {names}", hint="write the schema too")
        return found[0]

    def _published(self, node: exp.Table, entry: Entry, alias: exp.Identifier | None) -> Relation:
        table = entry.table
        self.tables.add(table.qualified_name)
        fields = [Field(column.name, of_column(column)) for column in table.columns]
        name = alias.this if alias is not None else table.name
        relation = Relation(
            name=name, fields=fields, sql_name=self._sql_name(name), table=table, path=entry.path,
            schema=None if alias is not None else table.schema,
        )  # fmt: skip
        self._set_alias(node, relation)
        for key, part in zip(("this", "db"), [*reversed(entry.path), None][:2], strict=True):
            node.set(key, None if part is None else exp.Identifier(this=part, quoted=True))
        return relation

    def _sql_name(self, name: str) -> str:
        """Give a name that no other table reference of the whole statement has."""
        candidate, count = name, 1
        while candidate.lower() in self._sql_names or candidate.lower() in self._common:
            count += 1
            candidate = f"{name}_{count}"
        self._sql_names.add(candidate.lower())
        return candidate

    def _joined(self, node: Joined, scope: Scope) -> list[Relation]:
        left = self._reference(node.this, scope)
        right = self._reference(node.expression, scope)
        if node.args.get("natural"):
            node.set("using", self._common_columns(left, right, scope))
        for name in node.args.get("using") or ():
            self._merge(name, left, right, scope)
        if node.args.get("on") is not None:
            seen = Scope(outer=scope.outer, relations=[*left, *right], merged=scope.merged)
            self._expressions.condition(node.args["on"], seen)
            node.meta["scope"] = seen
        return [*left, *right]

    def _common_columns(self, left: list[Relation], right: list[Relation], scope: Scope) -> list[Node]:
        names = {item.name.lower() for relation in left for item in relation.fields or ()} | set(scope.merged)
        shared = [
            item.name for relation in right for item in relation.fields or () if item.name.lower() in names
        ]
        return [exp.Identifier(this=name, quoted=True) for name in shared]

    def _merge(self, name: exp.Identifier, left: list[Relation], right: list[Relation], scope: Scope) -> None:
        if any(relation.fields is None for relation in (*left, *right)):
            return
        sides = [self._side(name, each, scope) for each in (left, right)]
        field = next(item for item in sides[0])
        scope.merged[field.name.lower()] = field
        name.set("this", field.name)
        name.set("quoted", True)

    def _side(self, name: exp.Identifier, relations: list[Relation], scope: Scope) -> list[Field]:
        found = [item for relation in relations for item in relation.find(name)]
        if not found:
            raise self._report(name, f"USING needs a column {name.this} on both sides of the join")
        if len(found) > 1 and name.this.lower() not in scope.merged:
            raise self._report(name, f"{name.this} is a column of more than one table", hint="join with ON")
        return found


def _fields(outputs: Sequence[Output] | None) -> Sequence[Field] | None:
    return None if outputs is None else [Field(output.name, output.value) for output in outputs]
