"""Whether the arguments of a call fit its function, and what it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, cast

from service.adql import values
from service.adql.errors import AdqlError, Reporter
from service.adql.functions import FUNCTIONS, Form, Function, Parameter
from service.adql.nodes import (
    BoundColumn,
    Call,
    Cast,
    ColumnName,
    Expression,
    Negative,
    Node,
    Number,
    Star,
    Text,
    bare,
    parts,
)
from service.adql.values import NUMBERS, OPEN, Kind, UnitProblemError, Value, combined, conversion, parse_unit
from vo_emline.tables import Datatype

MIN_VERTICES: Final = 3
"""Vertices a polygon needs."""

_LITERALS: Final = (Parameter.WHOLE, Parameter.SEED, Parameter.QUOTED)
_LONGEST_WHOLE: Final = 9


class Calls:
    """Checks and types function calls.

    Parameters
    ----------
    report
        Makes errors.
    """

    def __init__(self, report: Reporter) -> None:
        self._report = report

    def value(self, call: Call) -> Value:
        """Give what `call` gives, its arguments being resolved.

        Raises
        ------
        AdqlError
            If number or kinds of the arguments fit no form of the function.
        """
        function = FUNCTIONS.get(call.function)
        if function is None:
            return values.UNKNOWN
        arguments = [argument for argument in call.arguments if not isinstance(argument, Star)]
        if len(arguments) < len(call.arguments):
            return values.number("long", ucd=function.ucd, text="Number of rows")
        form = self._form(function, call, arguments)
        for index, argument in enumerate(arguments):
            self._check(function, form[min(index, len(form) - 1)], argument)
        if function.name == "IN_UNIT":
            return self._in_unit(call, arguments)
        return self._result(function, arguments)

    def _form(self, function: Function, call: Call, arguments: Sequence[Expression]) -> Form:
        """Give the form that has this number of arguments, and whose kinds fit if there are several."""
        if function.name == "POLYGON":
            return self._polygon_form(function, call, arguments)
        count = len(arguments)
        fitting = [
            form for form in function.forms
            if len(form) == count or (function.repeated and count >= len(form))
        ]  # fmt: skip
        if not fitting:
            raise self._report(call, _arity(function, count), hint=_usage(function))
        for form in fitting:
            if all(node.value.fits(kind.kinds) for node, (_, kind) in zip(arguments, form, strict=False)):
                return form
        return fitting[0]

    def _polygon_form(self, function: Function, call: Call, arguments: Sequence[Expression]) -> Form:
        numbers, points = function.forms
        count = len(arguments)
        if count >= MIN_VERTICES and all(node.value.fits(frozenset({Kind.POINT})) for node in arguments):
            return points[:1]
        if count < 2 * MIN_VERTICES or count % 2:
            message = "POLYGON takes three or more pairs of coordinates, or points"
            raise self._report(call, message, hint=_usage(function))
        return numbers[:1]

    def _check(self, function: Function, parameter: tuple[str, Parameter], node: Expression) -> None:
        name, kind = parameter
        if kind in _LITERALS and not _is_literal(node, kind):
            raise self._report(node, f"{name} of {function.name} must be {kind.value}")
        if kind is Parameter.POINT and not isinstance(bare(node), (BoundColumn, ColumnName, Call, Cast)):
            raise self._misfit(function, parameter, node)
        if not node.value.fits(kind.kinds):
            raise self._misfit(function, parameter, node)

    def _misfit(self, function: Function, parameter: tuple[str, Parameter], node: Expression) -> AdqlError:
        name, kind = parameter
        message = f"{name} of {function.name} must be {kind.value}, this is a {node.value.kind.value}"
        return self._report(node, message, hint=_usage(function))

    def _result(self, function: Function, arguments: Sequence[Expression]) -> Value:
        if function.result in {"point", "circle", "polygon", "moc"}:
            return values.geometry(Kind(function.result))
        if function.result == "text":
            return values.text(description=function.description)
        if function.result == "same":
            return self._common(function, arguments)
        first = arguments[0].value if arguments else None
        unit = first.unit if first and function.unit == "same" else function.unit
        if function.name in {"SQRT", "POWER"} and first:
            unit = combined(None, first.unit, _exponent(function, arguments)) if first.unit else None
        datatype: str = function.result
        if datatype in {"sum", "exact"}:
            datatype = "long" if first and first.kind is Kind.INTEGER else "double"
            if function.name == "MOD" and arguments[1].value.kind is not Kind.INTEGER:
                datatype = "double"
        made, text = cast("Datatype", datatype), function.description
        return values.number(made, unit=unit, ucd=function.ucd, text=text)

    def _common(self, function: Function, arguments: Sequence[Expression]) -> Value:
        """Give the type that all arguments share (MIN, MAX, COALESCE)."""
        typed = [node for node in arguments if node.value.kind not in OPEN]
        if not typed:
            return arguments[0].value
        first = typed[0].value
        for node in typed:
            if node.value.kind is not first.kind and not {node.value.kind, first.kind} <= NUMBERS:
                kinds = f"{first.kind.value} and {node.value.kind.value}"
                message = f"the arguments of {function.name} must be of one type, not {kinds}"
                raise self._report(node, message)
        widest = max((node.value for node in typed), key=_width)
        column = replace(widest.column, name="", unit=first.unit, ucd=None, utype=None, computed=None,
                         description=function.description)  # fmt: skip
        return replace(widest, column=column)

    def _in_unit(self, call: Call, arguments: Sequence[Expression]) -> Value:
        source, wanted = arguments[0].value, bare(arguments[1])
        unit = wanted.text if isinstance(wanted, Text) else ""
        try:
            parse_unit(unit)
            if source.unit is None and not _has_unknown(call):
                hint = "only columns have units"
                raise self._report(call, "IN_UNIT needs a value that has a unit", hint=hint)
            if source.unit is not None:
                conversion(source.unit, unit)
        except UnitProblemError as error:
            raise self._report(wanted, str(error)) from error
        if not unit.strip():
            raise self._report(wanted, "a value with a unit cannot become unitless")
        return values.number("double", unit=unit, text=f"In {unit}")


def _arity(function: Function, count: int) -> str:
    sizes = sorted({len(form) for form in function.forms})
    wanted = " or ".join(map(str, sizes)) + (" or more" if function.repeated else "")
    return f"{function.name} takes {wanted} argument{'s' * (sizes != [1])}, not {count}"


def _has_unknown(node: Node) -> bool:
    """Tell whether `node` holds a column that was not looked up."""
    return isinstance(node, ColumnName) or any(map(_has_unknown, parts(node)))


def _is_literal(node: Expression, kind: Parameter) -> bool:
    if kind is Parameter.QUOTED:
        return isinstance(node, Text)
    if kind is Parameter.WHOLE and isinstance(node, Negative):
        node = node.operand
    return isinstance(node, Number) and node.is_unsigned and len(node.text) <= _LONGEST_WHOLE


def _exponent(function: Function, arguments: Sequence[Expression]) -> float:
    if function.name == "SQRT":
        return 0.5
    power = arguments[1]
    sign = -1 if isinstance(power, Negative) else 1
    literal = power.operand if isinstance(power, Negative) else power
    return sign * float(literal.text) if isinstance(literal, Number) else float("nan")


def _width(value: Value) -> int:
    order = ("char", "unicodeChar", "boolean", "short", "int", "long", "float", "double")
    return order.index(value.column.datatype)


def _usage(function: Function) -> str:
    return "write " + " or ".join(signature.split(" ->")[0] for signature in function.signatures)
