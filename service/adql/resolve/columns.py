"""From a written column name to the one column it means."""

from __future__ import annotations

from sqlglot import expressions as exp

from service.adql import values
from service.adql.errors import AdqlError
from service.adql.resolve.problems import Reporter
from service.adql.resolve.scope import Field, Relation, Scope
from service.adql.suggest import nearest
from service.adql.tree import at, offset_of
from service.adql.values import Value


class Columns:
    """Resolves column references.

    Parameters
    ----------
    report
        Makes errors.
    """

    def __init__(self, report: Reporter) -> None:
        self._report = report

    def resolve(self, node: exp.Column, scope: Scope) -> Value:
        """Make `node` name its column as the database knows it, and give what it holds.

        Raises
        ------
        AdqlError
            If there is no such column, or more than one.
        """
        if node.meta.get("value"):
            return node.meta["value"]  # type: ignore[no-any-return]
        qualifier = [node.args[key] for key in ("catalog", "db", "table") if node.args.get(key)]
        if qualifier:
            return self._qualified(node, qualifier, scope)
        for each in scope.chain():
            found = self._unqualified(node, each)
            if found is not None:
                return found
        raise self._unknown(node, scope)

    def _qualified(self, node: exp.Column, qualifier: list[exp.Identifier], scope: Scope) -> Value:
        for each in scope.chain():
            answering = [relation for relation in each.relations if relation.answers(qualifier)]
            if len(answering) > 1:
                raise self._report(
                    node, f"{_written(qualifier)} means more than one table", hint="give aliases"
                )
            if answering:
                return self._of_relation(node, answering[0])
        if not all(each.known for each in scope.chain()):
            return values.UNKNOWN
        names = [relation.name for each in scope.chain() for relation in each.relations]
        guess = nearest(qualifier[-1].this, names)
        hint = f"did you mean {guess}?" if guess else f"the tables here are {', '.join(names)}"
        raise self._report(node, f"there is no table {_written(qualifier)} in FROM", hint=hint)

    def _of_relation(self, node: exp.Column, relation: Relation) -> Value:
        if relation.fields is None:
            return values.UNKNOWN
        found = relation.find(node.this)
        if not found:
            guess = nearest(node.this.this, [item.name for item in relation.fields])
            hint = f"did you mean {guess}?" if guess else None
            raise self._report(node, f"{relation.name} has no column {node.this.this}", hint=hint)
        if len(found) > 1:
            raise self._report(node, f"{node.this.this} means more than one column", hint="use double quotes")
        bind(node, found[0], relation)
        return found[0].value

    def _unqualified(self, node: exp.Column, scope: Scope) -> Value | None:
        merged = scope.merged.get(node.this.this.lower())
        if merged is not None:
            bind(node, merged, None)
            return merged.value
        places = [(relation, item) for relation in scope.relations for item in relation.find(node.this)]
        if len(places) > 1:
            names = ", ".join(relation.name for relation, _ in places)
            hint = f"write {places[0][0].name}.{node.this.this}"
            raise self._report(node, f"{node.this.this} is a column of {names}", hint=hint)
        if places:
            bind(node, places[0][1], places[0][0])
            return places[0][1].value
        return None if scope.known else values.UNKNOWN

    def _unknown(self, node: exp.Column, scope: Scope) -> AdqlError:
        name = node.this.this
        guess = nearest(name, scope.names())
        hint = f"did you mean {guess}?" if guess else "TAP_SCHEMA.columns lists the columns"
        if node.this.args.get("quoted"):
            hint = f"did you mean the string '{name}'" + (f" or the column {guess}?" if guess else "?")
        return self._report(node, f"there is no column {name}", hint=hint)


def bind(node: exp.Column, field: Field, relation: Relation | None) -> None:
    """Let `node` name `field` of `relation` (``None``: a column merged by USING) for the database."""
    offset = offset_of(node)
    for key in ("db", "catalog", "table"):
        node.set(key, None)
    node.set("this", exp.Identifier(this=field.name, quoted=True))
    if relation is not None:
        node.set("table", exp.Identifier(this=relation.sql_name, quoted=True))
    at(node, offset)
    node.meta.update(value=field.value, relation=relation)


def bound(field: Field, relation: Relation | None) -> exp.Column:
    """Give a new column node that names `field` of `relation`."""
    node = exp.Column(this=exp.Identifier(this=field.name, quoted=True))
    bind(node, field, relation)
    return node


def _written(qualifier: list[exp.Identifier]) -> str:
    return ".".join(part.this for part in qualifier)
