"""The columns a query gives, and their names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlglot import expressions as exp

from service.adql.tree import Call, Node
from service.adql.values import Kind, Value
from service.adql.words import is_regular
from vo_emline.tables import Column


@dataclass(frozen=True, slots=True)
class Output:
    """One column that a query gives."""

    name: str
    value: Value

    @property
    def column(self) -> Column:
        """The column as the result describes it."""
        return replace(self.value.column, name=self.name, computed=None)


def name_of(item: Node, position: int) -> str:
    """Give the name of a select item: its alias, its column, or one made of its function."""
    if isinstance(item, exp.Alias):
        return str(item.args["alias"].this)
    if isinstance(item, exp.Column):
        return str(item.this.this)
    if not isinstance(item, Call):
        return f"col_{position}"
    columns = [argument.this.this for argument in item.expressions if isinstance(argument, exp.Column)]
    made = "_".join([item.this.lower(), *columns[:1]])
    if columns and len(item.expressions) == 1 and is_regular(made):
        return made
    return "count_all" if item.this == "COUNT" and not columns else f"{item.this.lower()}_{position}"


def unique(names: Iterable[str]) -> list[str]:
    """Give the names, each once in any case: repeated ones get _2, _3 and so on."""
    taken: set[str] = set()
    result = []
    for name in names:
        candidate, count = name, 1
        while candidate.lower() in taken:
            count += 1
            candidate = f"{name}_{count}"
        taken.add(candidate.lower())
        result.append(candidate)
    return result


def compatible(left: Value, right: Value) -> bool:
    """Tell whether two columns may meet in a set operation."""
    numbers = {Kind.INTEGER, Kind.REAL}
    open_kinds = {Kind.NULL, Kind.UNKNOWN}
    return (
        left.kind is right.kind
        or {left.kind, right.kind} <= numbers
        or bool({left.kind, right.kind} & open_kinds)
    )


def wider(left: Value, right: Value) -> Value:
    """Give the value that holds both of a set operation; meaning and unit are those of the left one."""
    if left.kind is Kind.NULL:
        return right
    order = ("short", "int", "long", "float", "double")
    types = (left.column.datatype, right.column.datatype)
    if not all(each in order for each in types) or left.column.arraysize or types[0] == types[1]:
        return left
    datatype = "double" if set(types) == {"long", "float"} else max(types, key=order.index)
    kind = Kind.REAL if Kind.REAL in {left.kind, right.kind} else Kind.INTEGER
    return replace(left, kind=kind, column=replace(left.column, datatype=datatype))
