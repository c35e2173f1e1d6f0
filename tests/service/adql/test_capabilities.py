"""What is declared is what is there."""

from service.adql import FEATURES, check_query
from service.adql.functions import FUNCTIONS
from service.adql.write import DATABASES

NAMESPACE = "ivo://ivoa.net/std/tapregext#features-"


def test_every_optional_feature_of_the_standard_is_declared() -> None:
    assert set(FEATURES) == {
        NAMESPACE + name
        for name in ("adqlgeo", "udf", "adql-string", "adql-common-table", "adql-sets", "adql-type",
                     "adql-conditional", "adql-unit", "adql-offset")
    }  # fmt: skip
    assert all(kind == kind.lower() for kind in FEATURES)
    geometry = {form for form, _ in FEATURES[NAMESPACE + "adqlgeo"]}
    assert geometry == {"AREA", "BOX", "CENTROID", "CIRCLE", "CONTAINS", "COORD1", "COORD2", "COORDSYS",
                        "DISTANCE", "INTERSECTS", "POINT", "POLYGON"}  # fmt: skip


def test_user_defined_functions_are_declared_by_signature() -> None:
    forms = [form for form, _ in FEATURES[NAMESPACE + "udf"]]
    assert "ivo_string_agg(expression VARCHAR, delimiter VARCHAR) -> VARCHAR" in forms
    assert any(form.startswith("ivo_healpix_index(hpxOrder INTEGER, long DOUBLE PRECISION") for form in forms)


def test_every_function_has_sql_for_every_database() -> None:
    with_code = {"IN_UNIT", "IVO_HEALPIX_INDEX", "MOC"}
    for function in FUNCTIONS.values():
        for dialect in DATABASES:
            assert function.sql(dialect) or function.feature == "adqlgeo" or function.name in with_code


def test_core_functions_of_the_standard_are_there() -> None:
    mathematics = "ABS CEILING DEGREES EXP FLOOR LOG LOG10 MOD PI POWER RADIANS RAND ROUND SQRT TRUNCATE"
    others = "ACOS ASIN ATAN ATAN2 COS COT SIN TAN AVG COUNT MAX MIN SUM"
    core = {*mathematics.split(), *others.split()}
    assert core == {function.name for function in FUNCTIONS.values() if function.feature == "core"}
    check_query("SELECT PI() FROM t", tables=None)
