"""From the resolved tree to the SQL of a database: whole queries."""

from __future__ import annotations

from collections.abc import Sequence

from service.adql.errors import AdqlError, Reporter
from service.adql.names import Field, quoted
from service.adql.nodes import (
    AllColumns,
    CommonTable,
    Condition,
    Derived,
    EnclosedJoin,
    EnclosedQuery,
    Expression,
    Join,
    Query,
    Reference,
    Select,
    SetOperation,
    Statement,
    StoredTable,
    TableName,
    Text,
)
from service.adql.values import Kind
from service.adql.write import crossmatch
from service.adql.write.crossmatch import Pairing
from service.adql.write.dialects import SQL_TYPES, Database
from service.adql.write.expressions import ValueWriter


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

    def statement(self, node: Statement, outputs: Sequence[Field]) -> str:
        """Write the whole statement, its columns in the types of `outputs`."""
        prefix = f"WITH {', '.join(map(self._common_table, node.common))} " if node.common else ""
        if isinstance(node.query, Select):
            return prefix + self._select(node.query, outputs)
        items = ", ".join(self._converted(output) for output in outputs)
        return f"{prefix}SELECT {items} FROM ({self.query(node.query)}) AS answer"  # noqa: S608 - that is its purpose

    def query(self, node: Query) -> str:
        """Write a query within the statement."""
        match node:
            case Select():
                return self._select(node, None)
            case EnclosedQuery(inner):
                return f"({self.query(inner)}){self._end(node)}"
            case SetOperation(word, left, right, keeps_all):
                operator = f"{word} ALL" if keeps_all else word
                return f"{self._operand(left)} {operator} {self._operand(right)}{self._end(node)}"

    def condition(self, node: Condition) -> str:
        """Write a condition; one that was made a join by pixels is an equality."""
        pairing = self._pairings.get(id(node))
        if pairing is not None:
            return crossmatch.condition_sql(pairing, quoted(pairing.target.sql_name))
        return super().condition(node)

    def _operand(self, node: Query) -> str:
        enclosed = isinstance(node, EnclosedQuery) and not node.order and node.offset is None
        return self.query(node) if enclosed else f"({self.query(node)})"

    def _common_table(self, node: CommonTable) -> str:
        return f"{quoted(node.name.text)} AS ({self.query(node.query)})"

    def _converted(self, output: Field) -> str:
        name, value = quoted(output.name), output.value
        if value.native:
            return f"{self.database.timestamp_text.format(name)} AS {name}"
        if value.column.arraysize and value.kind is not Kind.TEXT:
            return name
        return f"CAST({name} AS {SQL_TYPES[value.column.datatype]}) AS {name}"

    def _select(self, node: Select, outputs: Sequence[Field] | None) -> str:
        if self.database.pixel_joins:
            self._pairings.update(crossmatch.plan(node, self._shapes))
        words = ["SELECT DISTINCT" if node.distinct else "SELECT", self._items(node, outputs)]
        words.append(f"FROM {', '.join(map(self._reference, node.sources))}")
        if node.where is not None:
            words.append(f"WHERE {self.condition(node.where)}")
        if node.group:
            words.append(f"GROUP BY {', '.join(map(self._group_term, node.group))}")
        if node.having is not None:
            words.append(f"HAVING {self.condition(node.having)}")
        limit = "" if node.top is None else f" LIMIT {node.top}"
        return " ".join(words) + self._order(node) + limit + _offset(node)

    def _items(self, node: Select, outputs: Sequence[Field] | None) -> str:
        items = []
        for item, output in zip(node.items, node.outputs or (), strict=True):
            if isinstance(item, AllColumns):
                raise self._unknown(item)
            plain = outputs is None
            sql = (
                self.value(item.expression) if plain else self.result(item.expression, output.column.datatype)
            )
            items.append(self.counted(f"{sql} AS {quoted(output.name)}", item))
        return ", ".join(items)

    def _group_term(self, node: Expression) -> str:
        """Write a term of GROUP BY; a constant would be read as a position."""
        sql = self.value(node)
        return f"({sql} || '')" if isinstance(node, Text) else sql

    def _end(self, node: Query) -> str:
        return self._order(node) + _offset(node)

    def _order(self, node: Query) -> str:
        terms = [
            f"{self.value(each.term)} {'DESC' if each.descending else 'ASC'} NULLS LAST"
            for each in node.order
        ]
        return f" ORDER BY {', '.join(terms)}" if terms else ""

    def _reference(self, node: Reference) -> str:
        match node:
            case EnclosedJoin(inner):
                return f"({self._reference(inner)})"
            case Join():
                return self._joined(node)
            case Derived(query, relation=relation):
                name = node.alias.text if relation is None else relation.sql_name
                return f"({self.query(query)}) AS {quoted(name)}"
            case StoredTable():
                return self._stored(node)
            case TableName():
                raise self._unknown(node)

    def _unknown(self, node: TableName | AllColumns) -> AdqlError:
        return self._report(node, "this table was not looked up")

    def _stored(self, node: StoredTable) -> str:
        name = quoted(node.relation.sql_name)
        pairing = next((each for each in self._pairings.values() if each.target is node.relation), None)
        if pairing is None:
            return f"{node.relation.source} AS {name}"
        partner = pairing.partner
        sql = crossmatch.table_sql(
            pairing, pairing.target.source, partner.source, name, quoted(partner.sql_name)
        )
        return f"({sql}) AS {name}"

    def _joined(self, node: Join) -> str:
        left, right = self._reference(node.left), self._reference(node.right)
        if isinstance(node.right, Join):
            right = f"({right})"
        if node.on is not None:
            condition = f"ON {self.condition(node.on)}"
        elif node.using:
            condition = f"USING ({', '.join(quoted(column.text) for column in node.using)})"
        else:
            condition = "ON (1 = 1)"
        return (
            f"{left} {node.kind if node.kind == 'INNER' else node.kind + ' OUTER'} JOIN {right} {condition}"
        )


def _offset(node: Query) -> str:
    return "" if node.offset is None else f" OFFSET {node.offset}"
