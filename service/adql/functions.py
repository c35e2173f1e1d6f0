"""The closed table of functions: what may be called, how, and what it gives.

The parser takes names from it, the resolver the kinds of arguments and results, the writers the
SQL of both databases, and the capabilities the list of features. A function that is not here
cannot be called. Outside their domain (the root of −1, the logarithm of 0, a division by 0)
functions give NULL on every database, so that one odd row does not end a query.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from service.adql.values import GEOMETRIES, NUMBERS, REGIONS, Kind

NAMESPACE: Final = "ivo://ivoa.net/std/tapregext#features-"
"""Start of the identifiers of optional features, in lower case as ADQL 2.1 section 4.1 asks."""

Feature = Literal["core", "adqlgeo", "adql-string", "adql-conditional", "adql-unit", "udf"]


class Parameter(Enum):
    """What an argument must be."""

    NUMBER = "a number"
    TEXT = "a string"
    INSTANT = "a timestamp"
    ORDERED = "a number, string or timestamp"
    ANY = "a value"
    POINT = "a point (a POINT(...), CENTROID(...) or column)"
    GEOMETRY = "a geometry"
    WHOLE = "a whole number, written out"
    SEED = "a whole number without sign, written out"
    QUOTED = "a string, written out"

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of value that may stand there."""
        return _KINDS[self]


_KINDS: Final = {
    Parameter.NUMBER: NUMBERS,
    Parameter.TEXT: frozenset({Kind.TEXT}),
    Parameter.INSTANT: frozenset({Kind.TIMESTAMP}),
    Parameter.ORDERED: NUMBERS | {Kind.TEXT, Kind.TIMESTAMP},
    Parameter.ANY: frozenset(Kind),
    Parameter.POINT: frozenset({Kind.POINT}),
    Parameter.GEOMETRY: GEOMETRIES | REGIONS,
    Parameter.WHOLE: NUMBERS,
    Parameter.SEED: NUMBERS,
    Parameter.QUOTED: frozenset({Kind.TEXT}),
}

Result = Literal["double", "long", "int", "text", "point", "circle", "polygon", "moc", "same", "sum", "exact"]
"""Type of the result: a type, that of the first argument (``same``), or that of
the first argument widened (``sum``: to 64 bits; ``exact``: whole numbers stay
whole, others become double)."""

Form = tuple[tuple[str, Parameter], ...]
"""Names and kinds of the parameters of one way to call a function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function.

    The SQL is a template: ``{0}``, ``{1}`` … are the arguments, ``{all}`` all of
    them with commas (missing ones are 0), ``{distinct}`` the word DISTINCT where the query says
    so, ``{type}`` the type of the result. An empty
    template marks the functions for which the generators have code of their own.
    """

    name: str
    forms: tuple[Form, ...]
    result: Result
    description: str
    duckdb: str = ""
    postgresql: str = ""
    """Only where it differs from DuckDB's."""
    feature: Feature = "core"
    unit: str | None = None
    """Unit of the result; ``same`` for that of the first argument."""
    ucd: str | None = None
    aggregate: bool = False
    repeated: bool = False
    """Whether the last parameter may be given more than once."""

    def sql(self, dialect: str) -> str:
        """Give the template for a dialect."""
        return self.postgresql if dialect == "postgresql" and self.postgresql else self.duckdb

    @property
    def signatures(self) -> tuple[str, ...]:
        """The declarations of the forms, as TAPRegExt wants them (section 2.3)."""
        return tuple(
            f"{self.name.lower()}({_parameters(form)}) -> {_RESULTS[self.result]}" for form in self.forms
        )


_PARAMETERS: Final = {
    Parameter.NUMBER: "DOUBLE PRECISION", Parameter.TEXT: "VARCHAR", Parameter.INSTANT: "TIMESTAMP",
    Parameter.POINT: "POINT", Parameter.GEOMETRY: "REGION", Parameter.WHOLE: "INTEGER",
    Parameter.SEED: "INTEGER", Parameter.QUOTED: "VARCHAR", Parameter.ANY: "ANY", Parameter.ORDERED: "ANY",
}  # fmt: skip
_RESULTS: Final[dict[str, str]] = {
    "double": "DOUBLE PRECISION", "long": "BIGINT", "int": "INTEGER", "text": "VARCHAR", "point": "POINT",
    "circle": "CIRCLE", "polygon": "POLYGON", "moc": "MOC", "same": "ANY", "sum": "ANY", "exact": "ANY",
}  # fmt: skip


def _parameters(form: Form) -> str:
    return ", ".join(f"{name} {_PARAMETERS[kind]}" for name, kind in form)


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


# Geometry (section 4.2): the writers have code of their own for it

_LON_LAT: Final[Form] = (("lon", P.NUMBER), ("lat", P.NUMBER))
_CENTRE: Final[Form] = (("center", P.POINT),)
_RADIUS: Final[Form] = (("radius", P.NUMBER),)
_SIZE: Final[Form] = (("width", P.NUMBER), ("height", P.NUMBER))
_TWO: Final[Form] = (("a", P.GEOMETRY), ("b", P.GEOMETRY))
_ONE: Final[Form] = (("geometry", P.GEOMETRY),)
_POINTS: Final[Form] = (("a", P.POINT), ("b", P.POINT))
_NUMBERS: Final[Form] = (("lon1", P.NUMBER), ("lat1", P.NUMBER), ("lon2", P.NUMBER), ("lat2", P.NUMBER))


def _geometry(
    name: str, description: str, *, forms: tuple[Form, ...], result: Result, unit: str | None = None,
    repeated: bool = False,
) -> Function:  # fmt: skip
    return Function(
        name=name, forms=forms, result=result, description=description, feature="adqlgeo", unit=unit,
        repeated=repeated,
    )  # fmt: skip


GEOMETRY: Final = (
    _geometry("AREA", "Area in square degrees", forms=(_ONE,), result="double", unit="deg**2"),
    _geometry("BOX", "Box about a centre; deprecated", forms=((*_LON_LAT, *_SIZE), (*_CENTRE, *_SIZE)),
              result="polygon"),
    _geometry("CENTROID", "Centroid of a geometry", forms=(_ONE,), result="point"),
    _geometry("CIRCLE", "Circle about a centre", forms=((*_LON_LAT, *_RADIUS), (*_CENTRE, *_RADIUS)),
              result="circle"),
    _geometry("CONTAINS", "1 if the first geometry is in the second, else 0", forms=(_TWO,), result="int"),
    _geometry("COORD1", "First coordinate of a point", forms=(_CENTRE,), result="double", unit="deg"),
    _geometry("COORD2", "Second coordinate of a point", forms=(_CENTRE,), result="double", unit="deg"),
    _geometry("COORDSYS", "Coordinate system; deprecated, always ICRS", forms=(_ONE,), result="text"),
    _geometry("DISTANCE", "Length of the arc between two points", forms=(_POINTS, _NUMBERS), result="double",
              unit="deg"),
    _geometry("INTERSECTS", "1 if the geometries overlap, else 0", forms=(_TWO,), result="int"),
    _geometry("POINT", "A position", forms=(_LON_LAT,), result="point"),
    _geometry("POLYGON", "A polygon of three or more vertices",
              forms=((*_LON_LAT, *_LON_LAT, *_LON_LAT), (*_CENTRE, *_CENTRE, *_CENTRE)), result="polygon",
              repeated=True),
    _geometry("REGION", "A region in a string of its own syntax; not supported",
              forms=((("region", P.QUOTED),),), result="polygon"),
)  # fmt: skip

COORDSYS_CALLS: Final = frozenset({"POINT", "CIRCLE", "BOX", "POLYGON"})
"""Functions whose first argument may name a coordinate system (deprecated, section 4.2.5)."""

UNSUPPORTED: Final = frozenset({"REGION"})
"""Part of the grammar, but refused when a query is compiled and not declared."""


# User-defined functions: the IVOA's Catalogue of ADQL User Defined Functions 1.1, and RegTAP 1.1

_ORDER: Final[Form] = (("hpxOrder", P.WHOLE),)


def _user(
    name: str, description: str, sql: str, postgresql: str = "", *, form: Form, result: Result,
    aggregate: bool = False, more: tuple[Form, ...] = (),
) -> Function:  # fmt: skip
    return Function(
        name=name, forms=(form, *more), result=result, description=description, duckdb=sql,
        postgresql=postgresql, feature="udf", aggregate=aggregate,
    )  # fmt: skip


_WORDS: Final = "' ' || regexp_replace(lower({0}), '[^[:alnum:]]+', ' ', 'g') || ' '"

USER_DEFINED: Final = (
    _user("IVO_HEALPIX_INDEX", "Index of the HEALPix pixel, in the NESTED scheme, that holds a position", "",
          form=(*_ORDER, ("long", P.NUMBER), ("lat", P.NUMBER)), more=((*_ORDER, ("p", P.POINT)),),
          result="long"),
    _user("MOC", "Cells of the sky by a MOC as text, as 5/1-3 7/100: CONTAINS asks whether a point is inside",
          "", form=(("cells", P.QUOTED),), result="moc"),
    _user("IVO_STRING_AGG", "The strings of a group in order, joined by the delimiter",
          "string_agg({distinct}{0}, {1} ORDER BY {0})",
          form=(("expression", P.TEXT), ("delimiter", P.QUOTED)), result="text", aggregate=True),
    _user("IVO_NOCASEMATCH", "1 if the string matches the LIKE pattern in any case, else 0",
          "CAST({0} ILIKE {1} AS INTEGER)", "CAST({0} ILIKE {1} ESCAPE '' AS INTEGER)",
          form=(("value", P.TEXT), ("pattern", P.TEXT)), result="int"),
    _user("IVO_HASWORD", "1 if the word is among the words of the string, in any case, else 0",
          f"CAST(position({_WORDS.replace('{0}', '{1}')} IN {_WORDS}) > 0 AS INTEGER)",
          form=(("haystack", P.TEXT), ("needle", P.TEXT)), result="int"),
    _user("IVO_HASHLIST_HAS", "1 if the item is in the list of strings separated by #, in any case, else 0",
          "CAST(position('#' || lower({1}) || '#' IN '#' || lower({0}) || '#') > 0 AS INTEGER)",
          form=(("hashlist", P.TEXT), ("item", P.TEXT)), result="int"),
    _user("IVO_INTERVAL_OVERLAPS", "1 if the intervals [l1, h1] and [l2, h2] overlap, else 0",
          "CAST({0} <= {3} AND {2} <= {1} AS INTEGER)", result="int",
          form=(("l1", P.NUMBER), ("h1", P.NUMBER), ("l2", P.NUMBER), ("h2", P.NUMBER))),
    _user("IVO_TO_MJD", "Modified Julian date of a timestamp",
          "CAST(extract(epoch FROM CAST({0} AS TIMESTAMP)) / 86400 + 40587 AS float8)",
          form=(("d", P.INSTANT),), result="double"),
    _user("IVO_TO_JD", "Julian date of a timestamp",
          "CAST(extract(epoch FROM CAST({0} AS TIMESTAMP)) / 86400 + 2440587.5 AS float8)",
          form=(("d", P.INSTANT),), result="double"),
)  # fmt: skip

FUNCTIONS: Final[Mapping[str, Function]] = {
    function.name: function
    for function in (*MATHEMATICS, *TRIGONOMETRY, *AGGREGATES, *OPTIONAL, *GEOMETRY, *USER_DEFINED)
}
"""Every function that may be called, by its name in upper case."""

PREFIXES: Final = frozenset(
    {"GAVO", "ESO", "ESA", "ESAC", "CDS", "CADC", "IRSA", "WFAU", "AIP", "ARI", "SVO", "VIZIER"}
)
"""Institutes and projects whose functions carry their name (ADQL 2.1, section 4.3.1)."""

IVOA: Final = frozenset({
    "IVO_APPLY_PM", "IVO_EPOCH_PROP", "IVO_EPOCH_PROP_POS", "IVO_GEOM_TRANSFORM", "IVO_HEALPIX_CENTER",
    "IVO_HISTOGRAM", "IVO_INTERVAL_HAS", "IVO_NORMAL_RANDOM", "IVO_SIMBADPOINT", "IVO_SPECCONV",
    "IVO_TRANSFORM",
})  # fmt: skip
"""Functions of the IVOA's Catalogue of ADQL User Defined Functions that are not offered here."""


def is_foreign(name: str) -> bool:
    """Tell whether `name`, in upper case, is that of a function of another service."""
    prefix, separator, rest = name.partition("_")
    return name in IVOA or (prefix in PREFIXES and bool(separator) and bool(rest))


# What of ADQL's optional features is offered (TAPRegExt 1.0, section 2.3)

_CONSTRUCTS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "adql-string": (("ILIKE", "Comparison with a pattern in any case"),),
    "adql-common-table": (("WITH", "Common table expressions before the main query"),),
    "adql-sets": (
        ("UNION", "Rows of either query"),
        ("EXCEPT", "Rows of the first query that are not in the second"),
        ("INTERSECT", "Rows of both queries"),
    ),
    "adql-type": (("CAST", "Conversion to numbers, strings, timestamps, points, circles and polygons"),),
    "adql-offset": (("OFFSET", "Leave out the first rows"),),
}
"""Features that are no functions."""


def _features() -> dict[str, tuple[tuple[str, str], ...]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for function in FUNCTIONS.values():
        if function.feature == "core" or function.name in UNSUPPORTED:
            continue
        names = function.signatures if function.feature == "udf" else (function.name,)
        found.setdefault(function.feature, []).extend((name, function.description) for name in names)
    for feature, constructs in _CONSTRUCTS.items():
        found.setdefault(feature, []).extend(constructs)
    return {NAMESPACE + feature: tuple(forms) for feature, forms in found.items()}


FEATURES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = _features()
"""Forms and descriptions of the features, by the identifier of their kind (lower case, section 4.1)."""
