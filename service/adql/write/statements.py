"""From the resolved tree to the SQL of a database: whole queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlglot import expressions as exp

from service.adql.resolve import Output
from service.adql.resolve.problems import Reporter
from service.adql.tree import Joined, Node, Sources
from service.adql.values import Kind
from service.adql.write import crossmatch
from service.adql.write.crossmatch import Pairing
from service.adql.write.dialects import SQL_TYPES, Database
from service.adql.write.writer import ValueWriter, identifier

_SET_OPERATORS: Final[dict[type[exp.Expression], str]] = {
    exp.Union: "UNION",
    exp.Except: "EXCEPT",
    exp.Intersect: "INTERSECT",
}


class StatementWriter(ValueWriter):
    """Writes queries.

    Parameters
    ----------
    database
        How the database says things.
    report
        Makes errors.
    """

    def __init__(self, database: Database, report: Reporter) -> None:
        super().__init__(database, report)
        self._pairings: dict[int, Pairing] = {}

    def statement(self, tree: Node, outputs: Sequence[Output]) -> str:
        """Write the whole statement, its columns in the types of `outputs`."""
        common = tree.args.get("with_")
        prefix = (
            f"WITH {', '.join(map(self._common_table, common.expressions))} " if common is not None else ""
        )
        if isinstance(tree, exp.Select):
            return prefix + self._select(tree, outputs)
        items = ", ".join(self._converted(output) for output in outputs)
        return f"{prefix}SELECT {items} FROM ({self.query(tree)}) AS answer"  # noqa: S608 - that is its purpose

    def query(self, node: Node) -> str:
        """Write a query within the statement."""
        if isinstance(node, exp.Select):
            return self._select(node, None)
        if isinstance(node, exp.Subquery):
            return f"({self.query(node.this)}){self._end(node)}"
        word = _SET_OPERATORS[type(node)] + ("" if node.args.get("distinct") else " ALL")
        left, right = (self._operand(each) for each in (node.this, node.expression))
        return f"{left} {word} {right}{self._end(node)}"

    def condition(self, node: Node) -> str:
        """Write a condition; one that was made a join by pixels is an equality."""
        pairing = self._pairings.get(id(node))
        if pairing is not None:
            return crossmatch.condition_sql(pairing, identifier(pairing.target.sql_name))
        return super().condition(node)

    def _operand(self, node: Node) -> str:
        return (
            self.query(node)
            if isinstance(node, exp.Subquery) and not self._end(node)
            else f"({self.query(node)})"
        )

    def _common_table(self, node: Node) -> str:
        return f"{identifier(node.args['alias'].this.this)} AS ({self.query(node.this)})"

    def _converted(self, output: Output) -> str:
        name, value = identifier(output.name), output.value
        if value.native:
            return f"{self.database.timestamp_text.format(name)} AS {name}"
        if value.column.arraysize and value.kind is not Kind.TEXT:
            return name
        return f"CAST({name} AS {SQL_TYPES[value.column.datatype]}) AS {name}"

    def _select(self, node: exp.Select, outputs: Sequence[Output] | None) -> str:
        if self.database.pixel_joins:
            self._pairings.update(crossmatch.plan(node, self._shapes))
        words = ["SELECT DISTINCT" if node.args.get("distinct") else "SELECT"]
        words.append(self._items(node, outputs))
        words.append(f"FROM {self._sources(node.args['from_'])}")
        for clause, word in (("where", "WHERE"), ("group", "GROUP BY"), ("having", "HAVING")):
            part = node.args.get(clause)
            if part is not None:
                terms = ", ".join(map(self._group_term, part.expressions))
                words.append(f"{word} {terms if clause == 'group' else self.condition(part.this)}")
        limit = node.args.get("limit")
        end = self._end(node)
        if limit is None:
            return " ".join(words) + end
        return " ".join(words) + self._order(node) + f" LIMIT {limit.expression.this}" + self._offset(node)

    def _items(self, node: exp.Select, outputs: Sequence[Output] | None) -> str:
        items = []
        for item, output in zip(node.expressions, node.meta["outputs"], strict=True):
            value = item.this if isinstance(item, exp.Alias) else item
            sql = self.value(value) if outputs is None else self.result(value, output.column.datatype)
            items.append(f"{sql} AS {identifier(output.name)}")
        return ", ".join(items)

    def _group_term(self, node: Node) -> str:
        """Write a term of GROUP BY; a constant would be read as a position."""
        sql = self.value(node)
        return f"({sql} || '')" if isinstance(node, exp.Literal) and node.is_string else sql

    def _end(self, node: Node) -> str:
        return self._order(node) + self._offset(node)

    def _order(self, node: Node) -> str:
        order = node.args.get("order")
        if order is None:
            return ""
        terms = [
            f"{self.value(term.this)} {'DESC' if term.args.get('desc') else 'ASC'} NULLS LAST"
            for term in order.expressions
        ]
        return f" ORDER BY {', '.join(terms)}"

    def _offset(self, node: Node) -> str:
        offset = node.args.get("offset")
        return f" OFFSET {offset.expression.this}" if offset is not None else ""

    def _sources(self, node: Sources) -> str:
        return ", ".join(map(self._reference, node.expressions))

    def _reference(self, node: Node) -> str:
        if isinstance(node, exp.Paren):
            return f"({self._reference(node.this)})"
        if isinstance(node, Joined):
            return self._joined(node)
        name = identifier(node.args["alias"].this.this)
        if isinstance(node, exp.Subquery):
            return f"({self.query(node.this)}) AS {name}"
        pairing = next(
            (each for each in self._pairings.values() if each.target is node.meta["relation"]), None
        )
        if pairing is None:
            return f"{_path(node.meta['relation'].path)} AS {name}"
        partner = pairing.partner
        sql = crossmatch.table_sql(
            pairing, _path(pairing.target.path), _path(partner.path), name, identifier(partner.sql_name)
        )
        return f"({sql}) AS {name}"

    def _joined(self, node: Joined) -> str:
        left, right = self._reference(node.this), self._reference(node.expression)
        if isinstance(node.expression, Joined):
            right = f"({right})"
        using = node.args.get("using")
        if node.args.get("on") is not None:
            condition = f"ON {self.condition(node.args['on'])}"
        elif using:
            condition = f"USING ({', '.join(identifier(column.this) for column in using)})"
        else:
            condition = "ON (1 = 1)"
        kind = node.args["kind"]
        return f"{left} {kind if kind == 'INNER' else kind + ' OUTER'} JOIN {right} {condition}"


def _path(path: Sequence[str]) -> str:
    return ".".join(map(identifier, path))
