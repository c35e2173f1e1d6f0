# ruff: noqa: E501 - one case a line
"""Names, types and result columns."""

import pytest

from service.adql import AdqlError, CompiledQuery, compile_query
from vo_emline.candidates.columns import PUBLISHED
from vo_emline.candidates.obscore import OBSCORE
from vo_emline.tables import Column, Table

KEYWORDS = Table(
    schema="tap_schema",
    name="columns",
    description="",
    columns=(
        Column(name="table_name", datatype="char", arraysize="*", description=""),
        Column(name="size", datatype="int", description=""),
    ),
)
UPLOAD = Table(
    schema="TAP_UPLOAD",
    name="Mine",
    description="",
    columns=(
        Column(name="ra", datatype="double", unit="deg", description=""),
        Column(name="Ra ", datatype="double", description="Differs by a blank"),
        Column(name="obsid", datatype="long", description=""),
    ),
)


def compiled(query: str) -> CompiledQuery:
    return compile_query(query, tables=[*PUBLISHED, OBSCORE, KEYWORDS], uploads=[UPLOAD])


def column(expression: str) -> Column:
    (found,) = compiled(f"SELECT {expression} FROM emline.candidates").columns
    return found


def test_columns_keep_what_is_known_of_them() -> None:
    query = compiled('SELECT TOP 7 RA, "dec" AS delta, Score FROM Emline.Candidates ORDER BY delta')
    assert [item.name for item in query.columns] == ["ra", "delta", "score"]
    assert query.columns[0] == PUBLISHED[0]["ra"]
    assert (query.columns[1].unit, query.columns[1].ucd) == ("deg", "pos.eq.dec;meta.main")
    assert query.top == 7
    assert query.tables == {"emline.candidates"}


def test_star_gives_every_column_in_order() -> None:
    query = compiled("SELECT * FROM emline.rejects")
    assert [item.name for item in query.columns] == [item.name for item in PUBLISHED[2].columns]
    assert query.top is None


@pytest.mark.parametrize(
    ("expression", "datatype", "unit"),
    [
        ("COUNT(*)", "long", None), ("MAX(score)", "float", None), ("AVG(ra)", "double", "deg"),
        ("SUM(obsid)", "long", None), ("ra + dec", "double", "deg"), ("ra + 1", "double", "deg"),
        ("obsid / 2", "long", None), ("obsid / 2.0", "double", None), ("ra * dec", "double", "deg**2"),
        ("ra / epoch_mjd", "double", "deg.d**-1"), ("SQRT(ra * ra)", "double", "deg"),
        ("IN_UNIT(ra, 'arcsec')", "double", "arcsec"), ("IN_UNIT(SQRT(POWER(ra, 2)), 'rad')", "double", "rad"),
        ("RADIANS(ra)", "double", "rad"), ("DISTANCE(ra, dec, 1, 2)", "double", "deg"), ("1", "int", None),
        ("3000000000", "long", None), ("1e3", "double", None), ("CAST(ra AS REAL)", "float", None),
        ("COALESCE(NULL, hpx10)", "int", None), ("ABS(-hpx10)", "long", None), ("MOD(obsid, 3)", "long", None),
        ("AREA(CIRCLE(ra, dec, 1))", "double", "deg**2"), ("CONTAINS(POINT(ra, dec), CIRCLE(1, 2, 3))", "int", None),
    ],
)  # fmt: skip
def test_types_and_units(expression: str, datatype: str, unit: str | None) -> None:
    found = column(expression)
    assert (found.datatype, found.unit) == (datatype, unit)
    assert found.arraysize is None


@pytest.mark.parametrize(
    ("expression", "arraysize", "xtype"),
    [("POINT(ra, dec)", "2", "point"), ("CIRCLE(ra, dec, 1)", "3", "circle"), ("BOX(1, 2, 3, 4)", "*", "polygon"),
     ("CAST('2020-01-01' AS TIMESTAMP)", "*", "timestamp"), ("label || 'x'", "*", None)],
)  # fmt: skip
def test_arrays(expression: str, arraysize: str, xtype: str | None) -> None:
    found = column(expression)
    assert (found.arraysize, found.xtype) == (arraysize, xtype)


def test_unnamed_columns_get_unique_names() -> None:
    query = compiled("SELECT COUNT(*), COUNT(*), MAX(ra), 1 + 1, MAX(ra) AS max_RA FROM emline.scores")
    assert [item.name for item in query.columns] == [
        "count_all",
        "count_all_2",
        "max_ra",
        "col_4",
        "max_RA_2",
    ]


def test_repeated_columns_get_unique_names() -> None:
    query = compiled(
        "SELECT a.ra, b.ra FROM emline.scores AS a JOIN emline.candidates AS b USING (candidate_id)"
    )
    assert [item.name for item in query.columns] == ["ra", "ra_2"]


def test_subqueries_and_common_tables_hand_on_what_is_known() -> None:
    query = compiled(
        "WITH near AS (SELECT ra AS x, score FROM emline.candidates) "
        "SELECT q.x, m.obsid FROM (SELECT x FROM near WHERE score > 0.9) AS q JOIN TAP_UPLOAD.mine AS m ON q.x = m.ra"
    )
    assert query.columns[0].ucd == "pos.eq.ra;meta.main"
    assert query.tables == {"emline.candidates", "TAP_UPLOAD.Mine"}


def test_merged_columns_stand_first_and_once() -> None:
    query = compiled("SELECT * FROM TAP_UPLOAD.mine AS m JOIN emline.candidates AS c USING (obsid)")
    names = [item.name for item in query.columns]
    assert names[0] == "obsid"
    assert names.count("obsid") == 1


def test_set_operations_give_the_wider_type() -> None:
    query = compiled("SELECT hpx10 FROM emline.scores UNION SELECT obsid FROM emline.scores ORDER BY hpx10")
    assert [(item.name, item.datatype) for item in query.columns] == [("hpx10", "long")]


def test_delimited_names_are_exact() -> None:
    assert compiled('SELECT "size" FROM tap_schema.columns').columns[0].name == "size"
    assert compiled('SELECT "Ra " FROM TAP_UPLOAD."Mine"').columns[0].name == "Ra "
    with pytest.raises(AdqlError, match=r"no table TAP_UPLOAD\.mine"):
        compiled('SELECT ra FROM TAP_UPLOAD."mine"')


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT scor FROM emline.candidates", "did you mean score"),
        ("SELECT c.scor FROM emline.candidates AS c", "did you mean score"),
        ("SELECT d.score FROM emline.candidates AS c", "no table d in FROM"),
        ("SELECT candidates.score FROM emline.candidates AS c", "the tables here are c|did you mean"),
        ("SELECT ra FROM emline.candidate", "did you mean emline.candidates"),
        ("SELECT ra FROM candidats", "did you mean emline.candidates"),
        ("SELECT ra FROM information_schema.tables", "no table information_schema.tables"),
        ("SELECT ra FROM internal.spectra", "no table internal.spectra"),
        ("SELECT ra FROM release.emline.candidates", "no table"),
        ("SELECT ra FROM emline.scores, emline.candidates", "candidates.ra|scores.ra"),
        ("SELECT a.ra FROM emline.scores AS a, emline.candidates AS a", "stands twice"),
        ('SELECT ra FROM emline.scores WHERE label = "emission"', "the string 'emission'"),
        ("SELECT ra FROM emline.scores WHERE label = 5", "strings? cannot|string cannot be compared"),
        ("SELECT ra FROM emline.scores WHERE ra = 'abc'", "cannot equal numbers"),
        ("SELECT ra + label FROM emline.scores", "arithmetic needs numbers"),
        ("SELECT label, ra FROM emline.scores GROUP BY label", "add it to GROUP BY"),
        ("SELECT ra, COUNT(*) FROM emline.scores", "more than one value"),
        ("SELECT ra FROM emline.scores ORDER BY 2", "selects 1 columns"),
        ("SELECT DISTINCT ra FROM emline.scores ORDER BY dec", "SELECT DISTINCT"),
        ("SELECT ra FROM emline.scores UNION SELECT ra, dec FROM emline.scores", "1 and 2 columns"),
        ("SELECT ra FROM emline.scores UNION SELECT label FROM emline.scores", "number and string"),
        ("SELECT ra FROM emline.scores UNION SELECT dec FROM emline.scores ORDER BY dec", "its own columns|columns are ra"),
        ("SELECT ra FROM emline.scores WHERE ra IN (SELECT ra, dec FROM emline.scores)", "gives 2 columns"),
        ("SELECT ra FROM emline.scores JOIN TAP_UPLOAD.mine USING (dec)", "both sides"),
        ("SELECT COALESCE(ra, label) FROM emline.scores", "one type"),
        ("SELECT IN_UNIT(score, 'deg') FROM emline.scores", "has a unit"),
        ("SELECT IN_UNIT(ra, 'kg') FROM emline.scores", "cannot be converted"),
        ("SELECT POINT('GALACTIC', ra, dec) FROM emline.scores", "give them in ICRS"),
        ("SELECT CIRCLE(ra, 91, 1) FROM emline.scores", "latitude"),
        ("SELECT CIRCLE(ra, dec, -1) FROM emline.scores", "radius"),
        ("SELECT REGION('circle 1 2 3') FROM emline.scores", "use CIRCLE"),
        ("SELECT AREA(POLYGON(0, 80, 180, -80, 90, 0)) FROM emline.scores", "hemisphere"),
        ("SELECT gavo_match('a', label) FROM emline.scores", "no function gavo_match"),
        ("WITH x AS (SELECT ra FROM emline.scores), X AS (SELECT ra FROM emline.scores) SELECT ra FROM x", "twice"),
        ("SELECT q.* FROM emline.scores", "must name one table"),
    ],
)  # fmt: skip
def test_mistakes_are_explained(query: str, said: str) -> None:
    with pytest.raises(AdqlError, match=said):
        compiled(query)
