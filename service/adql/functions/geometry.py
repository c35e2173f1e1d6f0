"""The geometry functions (ADQL 2.1, section 4.2); the generators have code of their own for them."""

from __future__ import annotations

from typing import Final

from service.adql.functions.description import Form, Function, Parameter, Result

P = Parameter
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
