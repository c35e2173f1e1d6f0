"""What of ADQL's optional features is offered, from the table of functions (TAPRegExt 1.0, section 2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from service.adql.functions import FUNCTIONS, NAMESPACE, UNSUPPORTED

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
