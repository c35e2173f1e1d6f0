"""User-defined functions, after the IVOA's Catalogue of ADQL User Defined Functions 1.1 and RegTAP 1.1."""

from __future__ import annotations

from typing import Final

from service.adql.functions.description import Form, Function, Parameter, Result

P = Parameter
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
