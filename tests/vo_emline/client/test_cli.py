"""The commands query, show, download and cache, against a running service."""

import csv
import io
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from vo_emline.cli.cache import cache
from vo_emline.cli.download import download
from vo_emline.cli.query import query
from vo_emline.cli.samp import samp
from vo_emline.cli.show import show
from vo_emline.client import connect
from vo_emline.errors import ArchiveError, UserError


@pytest.fixture
def run(service_url: str, monkeypatch: pytest.MonkeyPatch):
    """Run a command with the service in the environment."""
    monkeypatch.setenv("VO_EMLINE_SERVICE", service_url)

    def invoke(command, *arguments: object, **options: object) -> Result:
        return CliRunner().invoke(command, [str(one) for one in arguments], catch_exceptions=False, **options)

    return invoke


def rows(result: Result) -> list[dict[str, str]]:
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_rows_go_into_a_pipe_as_csv(run) -> None:
    found = rows(run(query, "--label", "double-peak", "--min-score", 0.9))
    assert [row["obsid"] for row in found] == ["101"]
    assert float(found[0]["score"]) == pytest.approx(0.99)


def test_a_cone(run) -> None:
    found = rows(run(query, "--target", "98.568 2.508", "--radius", "5 arcmin"))
    assert [row["obsid"] for row in found] == ["101", "102"]


@pytest.mark.parametrize("way", ["argument", "file", "stdin"])
def test_adql_comes_in_three_ways(run, tmp_path: Path, way: str) -> None:
    adql = "SELECT obsid FROM emline.scores WHERE snr_r > 50 ORDER BY obsid"
    (tmp_path / "q.adql").write_text(adql)
    argument = {"argument": adql, "file": f"@{tmp_path / 'q.adql'}", "stdin": "-"}[way]
    found = rows(run(query, argument, input=adql))
    assert [row["obsid"] for row in found] == ["101", "102", "105"]


def test_count_and_job(run) -> None:
    assert run(query, "--count", "--label", "absorption").stdout == "2\n"
    found = run(query, "--job", "SELECT COUNT(*) AS n FROM emline.scores")
    assert rows(found) == [{"n": "6"}]
    assert found.stderr.startswith("job http")


def test_missing_rows_are_told_on_standard_error(run) -> None:
    result = run(query)
    assert len(rows(result)) == 3
    assert result.stderr.startswith("warning: only the first 3 rows were sent")
    assert len(rows(run(query, "--all"))) == 4


def test_rows_go_into_a_file(run, tmp_path: Path) -> None:
    result = run(query, "--all", "-o", tmp_path / "rows.vot")
    assert result.stdout == ""
    assert "4 rows in" in result.stderr
    assert (tmp_path / "rows.vot").read_bytes().startswith(b"<?xml")


def test_a_wrong_suffix_is_refused_before_the_query_runs(run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="xls"):
        run(query, "this is no ADQL", "-o", tmp_path / "rows.xls")


def test_query_and_constraints_do_not_mix(run) -> None:
    result = run(query, "SELECT 1 FROM emline.scores", "--min-score", 0.5)
    assert result.exit_code == 2
    assert "drop the query or --min-score" in result.stderr


def test_no_service(run) -> None:
    with pytest.raises(ArchiveError, match="no service answers here"):
        run(query, "--service", "http://127.0.0.1:9")


def test_show_draws_the_line(run) -> None:
    result = run(show, "101", "--width", 80)
    assert result.exit_code == 0
    head, *_ = lines = result.stdout.splitlines()
    assert head.startswith("J063416.35+023030.2")
    assert any("double-peak, probability of emission 0.990" in line for line in lines)
    assert any("┤" in line and "\u2800" in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_show_a_file(run, stars: list[Path]) -> None:
    result = run(show, stars[4], "--service", "http://127.0.0.1:9")
    assert "J235959.00-005959.9" in result.stdout
    assert "absorption, probability of emission 0." in result.stdout
    plain = run(show, stars[4], "--plain").stdout
    assert "J235959.00-005959.9" in plain
    assert "probability" not in plain
    assert "equivalent width" not in plain


def test_show_as_png(run, tmp_path: Path) -> None:
    assert run(show, "101", "--png", tmp_path / "star.png").stdout == ""
    assert (tmp_path / "star.png").read_bytes().startswith(b"\x89PNG")


def test_show_what_is_not_there(run) -> None:
    with pytest.raises(UserError, match="no spectrum called 'V395 Aur'"):
        run(show, "V395 Aur")


def test_download(run, tmp_path: Path) -> None:
    result = run(download, "--all", "-o", tmp_path / "out", "--format", "fits")
    assert result.exit_code == 0
    assert "4 saved, 0 there already, 0 failed" in result.stdout
    assert len(list((tmp_path / "out").glob("*.fits"))) == 4
    assert "0 saved, 4 there already" in run(download, "--all", "-o", tmp_path / "out", "-f", "fits").stdout


def test_download_of_some_tells_which_are_missing(run, tmp_path: Path) -> None:
    adql = "SELECT candidate_id, 'ivo://nowhere/~?x' AS obs_publisher_did FROM emline.candidates"
    with pytest.raises(ArchiveError, match="not one spectrum"):
        run(download, adql, "-o", tmp_path, "-n", 2)


def test_cache_info_and_clear(run, service_url: str) -> None:
    connect(service_url).spectrum("101")
    assert run(cache, "info").stdout.startswith("1 files")
    assert run(cache, "clear").stdout.startswith("removed 1 files")
    assert run(cache, "info").stdout.startswith("0 files")


@pytest.mark.parametrize("command", [query, show, download, cache, samp])
def test_help_teaches_by_example(command, run) -> None:
    text = run(command, "--help").stdout
    assert "Examples:" in text
    assert f"vo-emline {command.name}" in text
