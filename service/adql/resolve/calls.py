"""Whether the arguments of a call fit its function, and what it gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sqlglot import expressions as exp

from service.adql import values
from service.adql.errors import AdqlError
from service.adql.functions import FUNCTIONS, Function, Parameter
from service.adql.functions.description import Form
from service.adql.resolve.problems import Reporter
from service.adql.tree import Call, CastTo, Node
from service.adql.units import UnitProblemError, combined, conversion, parse_unit
from service.adql.values import NUMBERS, OPEN, Kind, Value

MIN_VERTICES: Final = 3
"""Vertices a polygon needs."""

_LITERALS: Final = (Parameter.WHOLE, Parameter.SEED, Parameter.QUOTED)


class Calls:
    """Checks and types function calls.

    Parameters
    ----------
    report
        Makes errors.
    """

    def __init__(self, report: Reporter) -> None:
        self._report = report

    def value(self, call: Call, arguments: list[Value]) -> Value:
        """Give what `call` gives, its arguments being resolved.

        Raises
        ------
        AdqlError
            If number or kinds of the arguments fit no form of the function.
        """
        function = FUNCTIONS.get(call.this)
        if function is None:
            return values.UNKNOWN
        if call.expressions and isinstance(call.expressions[0], exp.Star):
            return values.number("long", ucd=function.ucd, text="Number of rows")
        form = self._form(function, call, arguments)
        for index, argument in enumerate(arguments):
            self._check(function, form[min(index, len(form) - 1)], call.expressions[index], argument)
        if function.name == "IN_UNIT":
            return self._in_unit(call, arguments[0])
        return self._result(function, call, arguments)

    def _form(self, function: Function, call: Call, arguments: list[Value]) -> Form:
        """Give the form that has this number of arguments, and whose kinds fit if there are several."""
        if function.name == "POLYGON":
            return self._polygon_form(function, call, arguments)
        count = len(arguments)
        fitting = [
            form for form in function.forms
            if len(form) == count or (function.repeated and count >= len(form))
        ]  # fmt: skip
        if not fitting:
            raise self._report(call, self._arity(function, count), hint=_usage(function))
        for form in fitting:
            if all(argument.fits(kind.kinds) for argument, (_, kind) in zip(arguments, form, strict=False)):
                return form
        return fitting[0]

    def _polygon_form(self, function: Function, call: Call, arguments: list[Value]) -> Form:
        numbers, points = function.forms
        count = len(arguments)
        if count >= MIN_VERTICES and all(argument.fits(frozenset({Kind.POINT})) for argument in arguments):
            return points[:1]
        if count < 2 * MIN_VERTICES or count % 2:
            raise self._report(
                call, "POLYGON takes three or more pairs of coordinates, or points", hint=_usage(function)
            )
        return numbers[:1]

    def _arity(self, function: Function, count: int) -> str:
        sizes = sorted({len(form) for form in function.forms})
        wanted = " or ".join(map(str, sizes)) + (" or more" if function.repeated else "")
        return f"{function.name} takes {wanted} argument{'s' * (sizes != [1])}, not {count}"

    def _check(
        self, function: Function, parameter: tuple[str, Parameter], node: Node, argument: Value
    ) -> None:
        name, kind = parameter
        if kind in _LITERALS and not _is_literal(node, kind):
            raise self._report(node, f"{name} of {function.name} must be {kind.value}")
        if kind is Parameter.POINT and not isinstance(_bare(node), (exp.Column, Call, CastTo)):
            raise self._misfit(function, parameter, node, argument)
        if not argument.fits(kind.kinds):
            raise self._misfit(function, parameter, node, argument)

    def _misfit(
        self, function: Function, parameter: tuple[str, Parameter], node: Node, found: Value
    ) -> AdqlError:
        name, kind = parameter
        message = f"{name} of {function.name} must be {kind.value}, this is a {found.kind.value}"
        return self._report(node, message, hint=_usage(function))

    def _result(self, function: Function, call: Call, arguments: list[Value]) -> Value:
        if function.result in {"point", "circle", "polygon"}:
            return values.geometry(Kind(function.result))
        if function.result == "text":
            return values.text(description=function.description)
        if function.result == "same":
            return self._common(function, call, arguments)
        first = arguments[0] if arguments else None
        unit = first.unit if first and function.unit == "same" else function.unit
        if function.name in {"SQRT", "POWER"} and first:
            unit = combined(None, first.unit, _exponent(call)) if first.unit else None
        datatype = function.result
        if datatype in {"sum", "exact"}:
            datatype = "long" if first and first.kind is Kind.INTEGER else "double"
            if function.name == "MOD" and arguments[1].kind is not Kind.INTEGER:
                datatype = "double"
        return values.number(datatype, unit=unit, ucd=function.ucd, text=function.description)  # type: ignore[arg-type]

    def _common(self, function: Function, call: Call, arguments: list[Value]) -> Value:
        """Give the type that all arguments share (MIN, MAX, COALESCE)."""
        typed = [
            (node, each)
            for node, each in zip(call.expressions, arguments, strict=True)
            if each.kind not in OPEN
        ]
        if not typed:
            return arguments[0]
        first = typed[0][1]
        for node, each in typed:
            if each.kind is not first.kind and not {each.kind, first.kind} <= NUMBERS:
                message = f"the arguments of {function.name} must be of one type"
                raise self._report(node, f"{message}, not {first.kind.value} and {each.kind.value}")
        widest = max((each for _, each in typed), key=_width)
        column = replace(widest.column, name="", unit=first.unit, ucd=None, utype=None, computed=None,
                         description=function.description)  # fmt: skip
        return replace(widest, column=column)

    def _in_unit(self, call: Call, source: Value) -> Value:
        wanted = _bare(call.expressions[1])
        try:
            parse_unit(wanted.this)
            if source.unit is None and not _has_unknown(call):
                raise self._report(
                    call, "IN_UNIT needs a value that has a unit", hint="only columns have units"
                )
            if source.unit is not None:
                call.meta["factor"] = conversion(source.unit, wanted.this)
        except UnitProblemError as error:
            raise self._report(wanted, str(error)) from error
        if not wanted.this.strip():
            raise self._report(wanted, "a value with a unit cannot become unitless")
        return values.number("double", unit=wanted.this, text=f"In {wanted.this}")


def _has_unknown(node: Node) -> bool:
    """Tell whether `node` holds a column that was not looked up."""
    return any("relation" not in column.meta for column in node.find_all(exp.Column))


def _bare(node: Node) -> Node:
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _is_literal(node: Node, kind: Parameter) -> bool:
    if kind is Parameter.WHOLE and isinstance(node, exp.Neg):
        node = node.this
    if not isinstance(node, exp.Literal):
        return False
    if kind is Parameter.QUOTED:
        return bool(node.is_string)
    return not node.is_string and node.this.isdecimal() and len(node.this) <= 9


def _exponent(call: Call) -> float:
    if call.this == "SQRT":
        return 0.5
    power = call.expressions[1]
    sign = -1 if isinstance(power, exp.Neg) else 1
    literal = power.this if isinstance(power, exp.Neg) else power
    is_number = isinstance(literal, exp.Literal) and not literal.is_string
    return sign * float(literal.this) if is_number else float("nan")


def _width(value: Value) -> int:
    order = ("char", "unicodeChar", "boolean", "short", "int", "long", "float", "double")
    return order.index(value.column.datatype)


def _usage(function: Function) -> str:
    return "write " + " or ".join(signature.split(" ->")[0] for signature in function.signatures)
