"""Joins by position as joins by pixel.

A condition ``DISTANCE(a.ra, a.dec, u.ra, u.dec) < r`` between a table whose
rows carry their HEALPix pixel and any other table would try all pairs. Here
the first table is replaced by its rows that lie near *some* position of the
second: each distinct position is expanded to the nine pixels (of an order
whose pixels are larger than `r`) that a circle about it may touch, those are
joined with the pixel column by equality, and the exact distance is tested.
The condition itself becomes the equality of the positions. This is the same
set of rows whenever the condition is one that every joined pair must meet.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from service.adql.names import Relation
from service.adql.nodes import (
    BoundColumn,
    Call,
    Comparison,
    Condition,
    Connected,
    Derived,
    Enclosed,
    EnclosedJoin,
    Join,
    Node,
    Reference,
    Select,
    StoredTable,
    TableName,
    parts,
)
from service.adql.values import NUMBERS, Kind
from service.adql.write.predicates import distance
from service.adql.write.shapes import PIXEL_COLUMN, Part, Shapes, constant, pixel_index, values_of
from vo_emline.candidates.columns import HPX_ORDER

_REACH_RAD: Final = 0.70
"""A circle of ``0.70 / 2**order`` radians stays within a pixel of that order and its neighbours.

The least distance from one edge of a pixel to the opposite one is 0.84 rad at order 0 and at
least 0.711 / 2**order below (tested over the whole sky)."""

LON, LAT = "__lon", "__lat"
"""Columns of the replaced table: the position of the other table that its row is near to."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """One table reference to be replaced."""

    target: Relation
    """The table whose rows carry their pixel."""
    position: tuple[Part, Part]
    """Its position."""
    partner: Relation
    """The other table."""
    other: tuple[Part, Part]
    """The position there."""
    radius: Part
    strict: bool


def order_for(radius: float) -> int | None:
    """Give the order at which a circle of `radius` degrees touches nine pixels at most."""
    for order in range(HPX_ORDER, -1, -1):
        if math.radians(radius) <= _REACH_RAD / 2**order:
            return order
    return None


def plan(select: Select, shapes: Shapes) -> dict[int, Pairing]:
    """Find the table references of a SELECT that can be replaced, by the identity of the condition."""
    found: dict[int, Pairing] = {}
    taken: set[int] = set()
    for node, allowed in _conjuncts(select):
        pairing = _pairing(node, shapes)
        if pairing is None or (allowed is not None and pairing.target not in allowed):
            continue
        if id(pairing.target) not in taken:
            taken |= {id(pairing.target), id(pairing.partner)}
            found[id(node)] = pairing
    return found


def _conjuncts(select: Select) -> Iterator[tuple[Condition, list[Relation] | None]]:
    """Give the conditions every row must meet, and the tables each may replace (``None``: all)."""
    if select.where is not None:
        for node in _operands(select.where):
            yield node, None
    for reference in select.sources:
        yield from _join_conjuncts(reference)


def _join_conjuncts(reference: Reference) -> Iterator[tuple[Condition, list[Relation] | None]]:
    if isinstance(reference, EnclosedJoin):
        yield from _join_conjuncts(reference.inner)
    if not isinstance(reference, Join):
        return
    replaceable = {
        "INNER": (reference.left, reference.right), "LEFT": (reference.right,), "RIGHT": (reference.left,),
    }.get(reference.kind, ())  # fmt: skip
    allowed = [relation for side in replaceable for relation in _relations(side)]
    if reference.on is not None:
        for node in _operands(reference.on):
            yield node, allowed
    for side in (reference.left, reference.right):
        yield from _join_conjuncts(side)


def _relations(reference: Reference) -> list[Relation]:
    match reference:
        case EnclosedJoin(inner):
            return _relations(inner)
        case Join(left, right):
            return [*_relations(left), *_relations(right)]
        case StoredTable(relation):
            return [relation]
        case Derived(relation=relation):
            return [] if relation is None else [relation]
        case TableName():
            return []


def _operands(node: Condition) -> Iterator[Condition]:
    """Give the conditions that AND connects."""
    match node:
        case Connected("AND", left, right):
            yield from _operands(left)
            yield from _operands(right)
        case Enclosed(inner):
            yield from _operands(inner)
        case _:
            yield node


def _pairing(node: Condition, shapes: Shapes) -> Pairing | None:
    ends = _ends(node, shapes)
    if ends is None:
        return None
    a, b, radius, strict = ends
    if radius.constant is None or not radius.constant >= 0 or order_for(radius.constant) is None:
        return None
    for position, other in ((a, b), (b, a)):
        index = pixel_index(*position)
        partner = _only_relation(other)
        if index is not None and partner is not None and partner is not index.relation:
            return Pairing(index.relation, position, partner, other, radius, strict)
    return None


_Ends = tuple[tuple[Part, Part], tuple[Part, Part], Part, bool]


def _ends(node: Condition, shapes: Shapes) -> _Ends | None:
    """Give the two positions and the radius of a condition on a distance."""
    if not isinstance(node, Comparison):
        return None
    for left, right, closer in ((node.left, node.right, ("<", "<=")), (node.right, node.left, (">", ">="))):
        if not isinstance(left, Call):
            continue
        if left.function == "DISTANCE" and node.operator in closer:
            strict = node.operator in {"<", ">"}
            return *_points(left, shapes), shapes.numbers([right])[0], strict
        if left.function in {"CONTAINS", "INTERSECTS"} and node.operator == "=" and constant(right) == 1:
            return _in_circle(left, shapes)
    return None


def _points(call: Call, shapes: Shapes) -> tuple[tuple[Part, Part], tuple[Part, Part]]:
    arguments = values_of(call)
    if len(arguments) == 4:
        a, b, c, d = shapes.numbers(arguments)
        return (a, b), (c, d)
    first, second = (shapes.read(argument).parts for argument in arguments)
    return (first[0], first[1]), (second[0], second[1])


def _in_circle(call: Call, shapes: Shapes) -> _Ends | None:
    arguments = values_of(call)
    if any(argument.value.kind not in {Kind.POINT, Kind.CIRCLE} for argument in arguments):
        return None
    first, second = (shapes.read(argument) for argument in arguments)
    if call.function == "INTERSECTS" and second.kind == "point":
        first, second = second, first
    if first.kind != "point" or second.kind != "circle":
        return None
    return (first.parts[0], first.parts[1]), (second.parts[0], second.parts[1]), second.parts[2], False


def _only_relation(position: tuple[Part, Part]) -> Relation | None:
    """Give the table of a position that comes from the columns of one stored table alone."""
    columns = [column for part in position for column in _columns(part.node)]
    relations = {column.relation for column in columns}
    numbers = all(column.value.kind in NUMBERS for column in columns)
    if any(part.node is None for part in position) or not numbers or len(relations) != 1:
        return None
    (relation,) = relations
    return relation if relation is not None and relation.source else None


def _columns(node: Node | None) -> Iterator[BoundColumn]:
    if isinstance(node, BoundColumn):
        yield node
    for below in parts(node) if node is not None else ():
        yield from _columns(below)


def table_sql(pairing: Pairing, target_source: str, partner_source: str, name: str, partner_name: str) -> str:
    """Write the query that stands for the replaced table."""
    order = order_for(pairing.radius.constant or 0.0) or 0
    shift = 2 * (HPX_ORDER - order)
    pixel = f'{name}."{PIXEL_COLUMN}"' + (f" >> {shift}" if shift else "")
    near = (Part(f'px."{LON}"'), Part(f'px."{LAT}"'))
    exact = f"{distance(pairing.position, near)} {'<' if pairing.strict else '<='} {pairing.radius.sql}"
    # S608: building SQL is what this does; every part has been written by this package
    positions = (
        f'SELECT DISTINCT CAST({pairing.other[0].sql} AS float8) AS "{LON}",'  # noqa: S608
        f' CAST({pairing.other[1].sql} AS float8) AS "{LAT}" FROM {partner_source} AS {partner_name}'
    )
    pixels = (
        f'SELECT *, unnest(adql_cone_pixels("{LON}", "{LAT}", {order})) AS pixel'  # noqa: S608
        f" FROM ({positions}) AS positions"
    )
    return (
        f'SELECT {name}.*, px."{LON}", px."{LAT}" FROM {target_source} AS {name}'  # noqa: S608
        f" JOIN ({pixels}) AS px ON {pixel} = px.pixel WHERE {exact}"
    )


def condition_sql(pairing: Pairing, name: str) -> str:
    """Write the condition that is left once the table is replaced."""
    pairs = zip(pairing.other, (LON, LAT), strict=True)
    return (
        "(" + " AND ".join(f'CAST({part.sql} AS float8) = {name}."{column}"' for part, column in pairs) + ")"
    )
