"""The closed table of functions: what may be called, how, and what it gives.

The gate takes names and arities from it, the typing of expressions the kinds of
arguments and results, the generators the SQL of both databases, and the
capabilities the list of features. A function that is not here cannot be called.

``description``  what a function is
``standard``     mathematics, trigonometry, aggregates, LOWER, UPPER, COALESCE, IN_UNIT
``geometry``     POINT to INTERSECTS
``user``         user-defined functions (``ivo_...``)
``foreign``      names of functions that other services define
"""

from collections.abc import Mapping
from typing import Final

from service.adql.functions.description import NAMESPACE, Function, Parameter
from service.adql.functions.foreign import is_foreign
from service.adql.functions.geometry import COORDSYS_CALLS, GEOMETRY, UNSUPPORTED
from service.adql.functions.standard import AGGREGATES, MATHEMATICS, OPTIONAL, TRIGONOMETRY
from service.adql.functions.user import USER_DEFINED

FUNCTIONS: Final[Mapping[str, Function]] = {
    function.name: function
    for function in (*MATHEMATICS, *TRIGONOMETRY, *AGGREGATES, *OPTIONAL, *GEOMETRY, *USER_DEFINED)
}
"""Every function that may be called, by its name in upper case."""

__all__ = ["COORDSYS_CALLS", "FUNCTIONS", "NAMESPACE", "UNSUPPORTED", "Function", "Parameter", "is_foreign"]
