"""The functions of the standard that are not geometry (ADQL 2.1, sections 2.3, 4.4, 4.8, 4.9).

Outside their domain (the root of −1, the logarithm of 0, a division by 0)
functions give NULL on every database, so that one odd row does not end a query.
"""

from __future__ import annotations

from typing import Final

from service.adql.functions.description import Feature, Form, Function, Parameter, Result

P = Parameter
_X: Final[Form] = (("x", P.NUMBER),)
_XY: Final[Form] = (("x", P.NUMBER), ("y", P.NUMBER))
_XN: Final[Form] = (("x", P.NUMBER), ("n", P.WHOLE))


def _math(
    name: str, description: str, duckdb: str, postgresql: str = "", *, forms: tuple[Form, ...] = (_X,),
    unit: str | None = None, result: Result = "double",
) -> Function:  # fmt: skip
    return Function(
        name=name, forms=forms, result=result, description=description, duckdb=duckdb,
        postgresql=postgresql, unit=unit,
    )  # fmt: skip


def _defined(sql: str) -> str:
    """Turn not-a-number and infinity into NULL."""
    return f"nullif(nullif(nullif({sql}, 'nan'::float8), 'inf'::float8), '-inf'::float8)"


MATHEMATICS: Final = (
    _math("ABS", "Absolute value", "abs({0})", unit="same", result="exact"),
    _math("CEILING", "Smallest whole number that is not less", "ceiling(CAST({0} AS float8))", unit="same"),
    _math("DEGREES", "From radians to degrees", "degrees(CAST({0} AS float8))", unit="deg"),
    _math("EXP", "Exponential function", _defined("exp(CAST({0} AS float8))"), "adql_exp({0})"),
    _math("FLOOR", "Largest whole number that is not greater", "floor(CAST({0} AS float8))", unit="same"),
    _math("LOG", "Natural logarithm", _defined("ln(CAST({0} AS float8))"), "adql_log({0})"),
    _math("LOG10", "Logarithm to base 10", _defined("log10(CAST({0} AS float8))"), "adql_log10({0})"),
    _math("MOD", "Remainder of x/y, with the sign of x", "mod({0}, nullif({1}, 0))",
          "CAST(mod(CAST({0} AS numeric), nullif(CAST({1} AS numeric), 0)) AS {type})", forms=(_XY,),
          result="exact"),
    _math("PI", "The number pi", "pi()", forms=((),)),
    _math("POWER", "x to the power y", _defined("power(CAST({0} AS float8), CAST({1} AS float8))"),
          "adql_power({0}, {1})", forms=(_XY,)),
    _math("RADIANS", "From degrees to radians", "radians(CAST({0} AS float8))", unit="rad"),
    _math("RAND", "Random number from 0 to 1; the seed is accepted and has no effect", "random()",
          forms=((), (("seed", P.SEED),))),
    _math("ROUND", "Rounded, half away from zero, to n decimals (0)", "round(CAST({0} AS float8), {1})",
          "CAST(round(CAST({0} AS numeric), {1}) AS float8)", forms=(_X, _XN), unit="same"),
    _math("SQRT", "Square root", _defined("sqrt(CAST({0} AS float8))"), "adql_sqrt({0})"),
    _math("TRUNCATE", "Cut to n decimals (0), towards zero", "trunc(CAST({0} AS float8), {1})",
          "CAST(trunc(CAST({0} AS numeric), {1}) AS float8)", forms=(_X, _XN), unit="same"),
)  # fmt: skip

TRIGONOMETRY: Final = (
    _math("ACOS", "Arc cosine", _defined("acos(CAST({0} AS float8))"), "adql_acos({0})", unit="rad"),
    _math("ASIN", "Arc sine", _defined("asin(CAST({0} AS float8))"), "adql_asin({0})", unit="rad"),
    _math("ATAN", "Arc tangent", "atan(CAST({0} AS float8))", unit="rad"),
    _math("ATAN2", "Angle of the point (x, y), arguments in the order y, x",
          "atan2(CAST({0} AS float8), CAST({1} AS float8))", unit="rad",
          forms=((("y", P.NUMBER), ("x", P.NUMBER)),)),
    _math("COS", "Cosine", "cos(CAST({0} AS float8))"),
    _math("COT", "Cotangent", _defined("(1 / tan(CAST({0} AS float8)))"), "(1 / nullif(tan({0}), 0))"),
    _math("SIN", "Sine", "sin(CAST({0} AS float8))"),
    _math("TAN", "Tangent", "tan(CAST({0} AS float8))"),
)  # fmt: skip


def _aggregate(
    name: str, description: str, sql: str, *, result: Result, parameter: Parameter = P.NUMBER,
    unit: str | None = "same", ucd: str | None = None,
) -> Function:  # fmt: skip
    return Function(
        name=name, forms=((("x", parameter),),), result=result, description=description, duckdb=sql,
        unit=unit, ucd=ucd, aggregate=True,
    )  # fmt: skip


AGGREGATES: Final = (
    _aggregate("AVG", "Mean", "avg({distinct}CAST({0} AS float8))", result="double"),
    _aggregate("COUNT", "Number of values or rows", "count({distinct}{0})", result="long",
               parameter=P.ANY, unit=None, ucd="meta.number"),
    _aggregate("MAX", "Largest value", "max({distinct}{0})", result="same", parameter=P.ORDERED),
    _aggregate("MIN", "Smallest value", "min({distinct}{0})", result="same", parameter=P.ORDERED),
    _aggregate("SUM", "Sum", "CAST(sum({distinct}CAST({0} AS {type})) AS {type})", result="sum"),
)  # fmt: skip

_TEXT: Final[Form] = (("text", P.TEXT),)


def _optional(
    name: str, description: str, duckdb: str, *, form: Form, feature: Feature, result: Result,
    repeated: bool = False, unit: str | None = None,
) -> Function:  # fmt: skip
    return Function(
        name=name, forms=(form,), result=result, description=description, duckdb=duckdb, feature=feature,
        repeated=repeated, unit=unit,
    )  # fmt: skip


OPTIONAL: Final = (
    _optional("LOWER", "In lower case", "lower({0})", form=_TEXT, feature="adql-string", result="text"),
    _optional("UPPER", "In upper case", "upper({0})", form=_TEXT, feature="adql-string", result="text"),
    _optional("COALESCE", "First value that is not NULL", "coalesce({all})", form=(("value", P.ANY),),
              feature="adql-conditional", result="same", repeated=True, unit="same"),
    _optional("IN_UNIT", "The value in another unit, in VOUnit form", "",
              form=(("value", P.NUMBER), ("unit", P.QUOTED)), feature="adql-unit", result="double"),
)  # fmt: skip
