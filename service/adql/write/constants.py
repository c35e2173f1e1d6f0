"""Arithmetic that can be done before the query runs."""

from __future__ import annotations

import math

from sqlglot import expressions as exp

from service.adql.tree import Node


def constant(node: Node) -> float | None:
    """Give the value of a number written out, or of arithmetic on such; ``None`` for all else."""
    exact = _exact(node)
    return None if exact is None or not math.isfinite(exact) else float(exact)


def _exact(node: Node) -> int | float | None:
    if isinstance(node, exp.Paren):
        return _exact(node.this)
    if isinstance(node, exp.Literal) and not node.is_string:
        return int(node.this) if node.this.lstrip("+-").isdecimal() else float(node.this)
    if isinstance(node, exp.Neg):
        inner = _exact(node.this)
        return None if inner is None else -inner
    if isinstance(node, (exp.Add, exp.Sub, exp.Mul, exp.Div)):
        return _arithmetic(node, _exact(node.this), _exact(node.expression))
    return None


def _arithmetic(node: Node, left: float | None, right: float | None) -> int | float | None:
    if left is None or right is None:
        return None
    try:
        if isinstance(node, exp.Add):
            return left + right
        if isinstance(node, exp.Sub):
            return left - right
        return left * right if isinstance(node, exp.Mul) else _quotient(left, right)
    except OverflowError:
        return None


def _quotient(left: float, right: float) -> int | float | None:
    """Divide as the databases do: whole numbers give whole numbers, cut towards zero."""
    if right == 0:
        return None
    if isinstance(left, int) and isinstance(right, int):
        return abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
    return left / right
