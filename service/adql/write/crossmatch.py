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

from sqlglot import expressions as exp

from service.adql.resolve import Relation, value_of
from service.adql.tree import Call, Joined, Node
from service.adql.values import NUMBERS, Kind
from service.adql.write.constants import constant
from service.adql.write.healpix import PIXEL_COLUMN
from service.adql.write.predicates import distance
from service.adql.write.shapes import Number, Shapes, pixel_index
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
    position: tuple[Number, Number]
    """Its position."""
    partner: Relation
    """The other table."""
    other: tuple[Number, Number]
    """The position there."""
    radius: Number
    strict: bool


def order_for(radius: float) -> int | None:
    """Give the order at which a circle of `radius` degrees touches nine pixels at most."""
    for order in range(HPX_ORDER, -1, -1):
        if math.radians(radius) <= _REACH_RAD / 2**order:
            return order
    return None


def plan(select: exp.Select, shapes: Shapes) -> dict[int, Pairing]:
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


def _conjuncts(select: exp.Select) -> Iterator[tuple[Node, list[Relation] | None]]:
    """Give the conditions every row must meet, and the tables each may replace (``None``: all)."""
    where = select.args.get("where")
    if where is not None:
        for node in _parts(where.this):
            yield node, None
    for reference in select.args["from_"].expressions:
        yield from _join_conjuncts(reference)


def _join_conjuncts(reference: Node) -> Iterator[tuple[Node, list[Relation] | None]]:
    if isinstance(reference, exp.Paren):
        yield from _join_conjuncts(reference.this)
    if not isinstance(reference, Joined):
        return
    sides = {"INNER": ("this", "expression"), "LEFT": ("expression",), "RIGHT": ("this",)}
    allowed = [
        relation
        for side in sides.get(reference.args["kind"], ())
        for relation in _relations(reference.args[side])
    ]
    on = reference.args.get("on")
    if on is not None:
        for node in _parts(on):
            yield node, allowed
    for side in ("this", "expression"):
        yield from _join_conjuncts(reference.args[side])


def _relations(reference: Node) -> list[Relation]:
    if isinstance(reference, exp.Paren):
        return _relations(reference.this)
    if isinstance(reference, Joined):
        return [*_relations(reference.this), *_relations(reference.expression)]
    return [reference.meta["relation"]]


def _parts(node: Node) -> Iterator[Node]:
    if isinstance(node, exp.And):
        yield from _parts(node.this)
        yield from _parts(node.expression)
    elif isinstance(node, exp.Paren):
        yield from _parts(node.this)
    else:
        yield node


def _pairing(node: Node, shapes: Shapes) -> Pairing | None:
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


_Ends = tuple[tuple[Number, Number], tuple[Number, Number], Number, bool]


def _ends(node: Node, shapes: Shapes) -> _Ends | None:
    """Give the two positions and the radius of a condition on a distance."""
    for left, right, closer in ((node.this, node.expression, (exp.LT, exp.LTE)),
                                (node.expression, node.this, (exp.GT, exp.GTE))):  # fmt: skip
        if not isinstance(left, Call) or not isinstance(right, exp.Expression):
            continue
        if left.this == "DISTANCE" and isinstance(node, closer):
            points = _points(left, shapes)
            strict = isinstance(node, (exp.LT, exp.GT))
            return None if points is None else (*points, shapes.numbers([right])[0], strict)
        if left.this in {"CONTAINS", "INTERSECTS"} and isinstance(node, exp.EQ) and constant(right) == 1:
            return _in_circle(left, shapes)
    return None


def _points(call: Call, shapes: Shapes) -> tuple[tuple[Number, Number], tuple[Number, Number]] | None:
    if len(call.expressions) == 4:
        a, b, c, d = shapes.numbers(call.expressions)
        return (a, b), (c, d)
    first, second = (shapes.read(argument).parts for argument in call.expressions)
    return (first[0], first[1]), (second[0], second[1])


def _in_circle(call: Call, shapes: Shapes) -> _Ends | None:
    if any(value_of(argument).kind not in {Kind.POINT, Kind.CIRCLE} for argument in call.expressions):
        return None
    first, second = (shapes.read(argument) for argument in call.expressions)
    if call.this == "INTERSECTS" and second.kind == "point":
        first, second = second, first
    if first.kind != "point" or second.kind != "circle":
        return None
    return (first.parts[0], first.parts[1]), (second.parts[0], second.parts[1]), second.parts[2], False


def _only_relation(position: tuple[Number, Number]) -> Relation | None:
    """Give the table of a position that comes from the columns of one stored table alone."""
    relations: list[Relation] = []
    for part in position:
        if part.node is None:
            return None
        for column in part.node.find_all(exp.Column):
            relation = column.meta.get("relation")
            if relation is None or value_of(column).kind not in NUMBERS:
                return None
            relations.append(relation)
    same = len({id(relation) for relation in relations}) == 1
    return relations[0] if same and relations[0].path else None


def table_sql(pairing: Pairing, target_path: str, partner_path: str, name: str, partner_name: str) -> str:
    """Write the query that stands for the replaced table."""
    order = order_for(pairing.radius.constant or 0.0) or 0
    shift = 2 * (HPX_ORDER - order)
    pixel = f'{name}."{PIXEL_COLUMN}"' + (f" >> {shift}" if shift else "")
    near = (Number(f'px."{LON}"'), Number(f'px."{LAT}"'))
    exact = f"{distance(pairing.position, near)} {'<' if pairing.strict else '<='} {pairing.radius.sql}"
    # S608: building SQL is what this does; every part has been written by this package
    positions = (
        f'SELECT DISTINCT CAST({pairing.other[0].sql} AS float8) AS "{LON}",'  # noqa: S608
        f' CAST({pairing.other[1].sql} AS float8) AS "{LAT}" FROM {partner_path} AS {partner_name}'
    )
    pixels = (
        f'SELECT *, unnest(adql_cone_pixels("{LON}", "{LAT}", {order})) AS pixel'  # noqa: S608
        f" FROM ({positions}) AS positions"
    )
    return (
        f'SELECT {name}.*, px."{LON}", px."{LAT}" FROM {target_path} AS {name}'  # noqa: S608
        f" JOIN ({pixels}) AS px ON {pixel} = px.pixel WHERE {exact}"
    )


def condition_sql(pairing: Pairing, name: str) -> str:
    """Write the condition that is left once the table is replaced."""
    pairs = zip(pairing.other, (LON, LAT), strict=True)
    return (
        "(" + " AND ".join(f'CAST({part.sql} AS float8) = {name}."{column}"' for part, column in pairs) + ")"
    )
