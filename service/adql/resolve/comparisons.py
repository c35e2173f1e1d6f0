"""Making the two sides of a comparison comparable, as the databases differ in what they convert."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlglot import expressions as exp

from service.adql import values
from service.adql.resolve.problems import Reporter
from service.adql.tree import CastTo, Node, at, offset_of
from service.adql.values import NUMBERS, OPEN, Kind, Value

_TEXTS: Final = frozenset({Kind.TEXT})
_TIMES: Final = frozenset({Kind.TIMESTAMP})
_TRUTH: Final = {"true": "1", "false": "0", "t": "1", "f": "0", "1": "1", "0": "0"}


def make_comparable(operands: list[Node], report: Reporter, value_of: Callable[[Node], Value]) -> None:
    """Convert literals and timestamps so that all operands are of one kind.

    Raises
    ------
    AdqlError
        If they cannot be compared.
    """
    kinds = {value_of(operand).kind for operand in operands} - OPEN
    if Kind.BOOLEAN in kinds:
        _as_numbers(operands, report, value_of)
    elif kinds & NUMBERS and kinds & _TEXTS:
        _numbers_from_text(operands, report, value_of)
    elif kinds & _TIMES:
        _as_timestamps(operands, report, value_of)
    elif len(kinds) > 1 and not kinds <= NUMBERS:
        names = " and ".join(sorted(kind.value for kind in kinds))
        raise report(operands[0], f"{names} cannot be compared")


def _as_numbers(operands: list[Node], report: Reporter, value_of: Callable[[Node], Value]) -> None:
    """Compare truth values as 1 and 0; the strings of a VOTable ('true', 'F') are understood."""
    for operand in operands:
        found = value_of(operand)
        if found.kind is Kind.BOOLEAN:
            cast(operand, "INTEGER", values.number("int"))
        elif isinstance(operand, exp.Literal) and operand.is_string:
            if operand.this.lower() not in _TRUTH:
                raise report(operand, "a truth value is compared with 1 or 0")
            _set_number(operand, _TRUTH[operand.this.lower()])
        elif not found.fits(NUMBERS):
            raise report(operand, f"a truth value is compared with 1 or 0, not with a {found.kind.value}")


def _numbers_from_text(operands: list[Node], report: Reporter, value_of: Callable[[Node], Value]) -> None:
    """Read strings that are written out as the numbers they hold; other strings are an error."""
    for operand in operands:
        if value_of(operand).kind is not Kind.TEXT:
            continue
        literal = isinstance(operand, exp.Literal)
        if not literal or not _is_number(operand.this):
            hint = f"put the number between single quotes, or write CAST({operand.sql()} AS DOUBLE PRECISION)"
            hint = "strings cannot equal numbers" if literal else hint
            raise report(operand, "a string cannot be compared with a number", hint=hint)
        _set_number(operand, operand.this.strip())


def _as_timestamps(operands: list[Node], report: Reporter, value_of: Callable[[Node], Value]) -> None:
    for operand in operands:
        found = value_of(operand)
        if not found.fits(_TIMES | _TEXTS):
            raise report(operand, f"a timestamp cannot be compared with a {found.kind.value}")
        if found.kind not in OPEN and not found.native:
            cast(operand, "TIMESTAMP", values.timestamp())


def cast(operand: Node, target: str, value: Value) -> None:
    """Put a CAST around a node of the tree."""
    offset = offset_of(operand)
    wrapper = CastTo(target=target)
    operand.replace(wrapper)
    wrapper.set("this", operand)
    at(wrapper, offset)
    wrapper.meta["value"] = value


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf") and "_" not in text
    except ValueError:
        return False


def _set_number(literal: Node, text: str) -> None:
    literal.set("is_string", False)
    literal.set("this", text)
    whole = text.lstrip("+-").isdecimal()
    literal.meta["value"] = values.number("long" if whole else "double")
