"""The commands."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.adql_command import adql, in_lines

GOOD, BAD = "SELECT TOP 3 ra FROM emline.candidates", "SELECT ra FROM emline.candidates LIMIT 3"


@pytest.mark.parametrize(("query", "code"), [(GOOD, 0), (BAD, 2), ("SELECT x FROM emline.candidates", 2)])
def test_one_query(query: str, code: int) -> None:
    result = CliRunner().invoke(adql, ["check", query])
    assert result.exit_code == code
    assert ("valid ADQL" in result.output) is (code == 0)


def test_without_names_any_table_will_do() -> None:
    result = CliRunner().invoke(adql, ["check", "--no-names", "SELECT x FROM somewhere.else_"])
    assert result.exit_code == 0


def test_lines_of_json(tmp_path: Path) -> None:
    file = tmp_path / "queries.jsonl"
    lines = [{"id": "a", "adql": GOOD}, {"id": 7, "adql": BAD}, {"adql": "SELECT"}]
    file.write_text("\n".join(map(json.dumps, lines)) + "\n\n", encoding="utf-8")
    result = CliRunner().invoke(adql, ["check", "--json", str(file)])
    verdicts = [json.loads(line) for line in result.output.splitlines()]
    assert result.exit_code == 2
    assert [(verdict["id"], verdict["valid"]) for verdict in verdicts] == [
        ("a", True),
        (7, False),
        (3, False),
    ]
    assert "use SELECT TOP n" in verdicts[1]["error"]
    assert verdicts[0]["error"] is None


def test_standard_input() -> None:
    result = CliRunner().invoke(adql, ["check", "--json", "-"], input=GOOD)
    assert json.loads(result.output) == {"id": None, "valid": True, "error": None}


@pytest.mark.parametrize(("dialect", "word"), [("duckdb", "hpx10"), ("postgresql", "q3c_radial_query")])
def test_explain(dialect: str, word: str) -> None:
    query = "SELECT ra FROM emline.candidates WHERE DISTANCE(ra, dec, 1, 2) < 1"
    result = CliRunner().invoke(adql, ["explain", query, "--dialect", dialect])
    assert result.exit_code == 0
    assert word in result.output.lower()
    assert "-- ra  double  deg  pos.eq.ra;meta.main" in result.output


def test_lines_change_no_word() -> None:
    sql = """SELECT 'a FROM b', "x WHERE" AS x FROM (SELECT 1 FROM t) AS q WHERE a = 'it''s' ORDER BY 1"""
    lines = in_lines(sql).splitlines()
    assert [line.split()[0] for line in lines] == ["SELECT", "FROM", "SELECT", "FROM", "WHERE", "ORDER"]
    assert "".join("".join(lines).split()) == "".join(sql.split())


def test_the_commands_load_fast() -> None:
    heavy = ("duckdb", "astropy", "numpy", "pyarrow")
    code = f"import sys, service.cli; print([name for name in {heavy} if name in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed.strip() == "[]"
