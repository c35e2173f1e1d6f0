"""``vo-emline fetch``, as a person runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from vo_emline.archives.config import VARIABLE, archives
from vo_emline.cli.fetch import fetch
from vo_emline.errors import ArchiveError, UserError


def run(*arguments: object) -> Result:
    return CliRunner().invoke(fetch, [str(argument) for argument in arguments])


@pytest.fixture
def configured(fake_archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An archive that is known by name."""
    archive = fake_archive(6)
    mine = tmp_path / "mine.toml"
    mine.write_text(f'[ssa.mine]\nurl = "{archive.ssa}"\ntitle = "My own"\ncalibration = "normalized"\n')
    monkeypatch.setenv(VARIABLE, str(mine))
    archives.cache_clear()
    yield archive
    archives.cache_clear()


def test_ondrejov_by_labels(fake_archive: Any, tmp_path: Path) -> None:
    archive = fake_archive(5)
    labels = tmp_path / "labels.csv"
    labels.write_text("id,label\n" + "".join(f"{did},1\n" for did in archive.dids))
    output = tmp_path / "spectra"
    command = ("ondrejov", "--labels", labels, "--service", archive.ssa, "--output", output)
    result = run(*command, "--limit", 3)
    assert result.exit_code == 0, result.output
    assert "3 of 3 spectra are in" in result.output
    assert "0 were there, 3 fetched" in result.output
    result = run(*command)
    assert "3 were there, 2 fetched" in result.output
    asked = {json.loads(line)["request"] for line in (output / "manifest.jsonl").read_text().splitlines()}
    assert asked == {"FORMAT=application/fits FLUXCALIB=normalized"}


def test_the_whole_archive_at_another_address(fake_archive: Any, tmp_path: Path) -> None:
    archive = fake_archive(4)
    result = run("ondrejov", "--service", archive.ssa, "--output", tmp_path / "all", "--cutout", "650,675nm")
    assert result.exit_code == 0, result.output
    assert "4 of 4" in result.output
    assert "BAND=6500.000-6750.000A" in (tmp_path / "all/manifest.jsonl").read_text()


def test_an_archive_by_its_name(configured: Any, tmp_path: Path) -> None:
    where = ("--pos", "14.177,60.717", "--size", "6arcmin", "--band", "6500,6600")
    when = ("--time", "2010-01-01,2012-01-01")
    result = run("ssa", "mine", *where, *when, "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    asked = configured.server.requests[0].query
    assert asked["POS"] == "14.177,60.717"
    assert float(asked["SIZE"]) == pytest.approx(0.1)
    assert asked["TIME"] == "2010-01-01T00:00:00/2012-01-01T00:00:00"
    assert "FLUXCALIB=normalized" in (tmp_path / "out/manifest.jsonl").read_text()  # as configured
    run("ssa", "mine", "--maxrec", 2, "--calibration", "none", "--output", tmp_path / "raw")
    assert "FLUXCALIB=normalized" not in (tmp_path / "raw/manifest.jsonl").read_text()
    listed = run("archives").output
    assert "My own" in listed
    assert "voarchive.asu.cas.cz" in listed


def test_offline_needs_nobody(fake_archive: Any, tmp_path: Path) -> None:
    archive = fake_archive(2)
    command = ("ssa", archive.ssa, "--target", "x", "--output", tmp_path / "out")
    run(*command)
    archive.server.close()
    result = run(*command, "--offline")
    assert result.exit_code == 0
    assert "2 were there" in result.output


def test_what_may_come_later_ends_with_three(fake_archive: Any, reply: Any, tmp_path: Path) -> None:
    archive = fake_archive(
        2, lambda did, before: reply(b"", 503, {"Retry-After": "0"}) if did.endswith("1") else None
    )
    result = run("ssa", archive.ssa, "--target", "x", "--output", tmp_path / "out")
    assert result.exit_code == 3
    assert "1 may come another time: run the same command again" in result.output


def test_what_never_comes_does_not(fake_archive: Any, reply: Any, tmp_path: Path) -> None:
    archive = fake_archive(2, lambda did, before: reply(b"", 404) if did.endswith("1") else None)
    result = run("ssa", archive.ssa, "--target", "x", "--output", tmp_path / "out")
    assert result.exit_code == 0
    assert "1 could not be had (http_404)" in result.output
    assert "missing.csv" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ssa", "http://a.test/ssa", "--output", "x"), "say what you want"),
        (("lamost", "--output", "x"), "give one of --obsids, --pos, --sql"),
        (("lamost", "--pos", "1,2", "--sql", "SELECT 1", "--output", "x"), "give one of"),
        (("ondrejov",), "Missing option '--output'"),
    ],
)
def test_usage_errors(arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_mistakes_are_user_errors(tmp_path: Path) -> None:
    for arguments in (("nowhere", "--target", "x"), ("http://a.test", "--pos", "x")):
        result = run("ssa", *arguments, "--output", tmp_path)
        assert isinstance(result.exception, UserError)


def test_the_program_says_that_an_archive_is_out_of_reach(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vo_emline", "fetch", "ssa", "http://127.0.0.1:9/ssa", "--target", "x"]
    done = subprocess.run([*command, "--output", tmp_path / "o"], capture_output=True, text=True, check=False)
    assert done.returncode == ArchiveError.exit_code == 3
    assert done.stderr.startswith("error: no answer to the SSA query: ")
    assert "http://127.0.0.1:9/ssa" in done.stderr
    assert "Traceback" not in done.stderr


def test_lamost_by_list(serve: Any, reply: Any, fits_of: Any, tmp_path: Path) -> None:
    server = serve(lambda request: reply(fits_of(request.query["obsid"])))
    listed = tmp_path / "list.csv"
    listed.write_text("obsid,ra\n403028,9.7\n403050,9.9\n")
    command = ("lamost", "--obsids", listed, "--service", server.url, "--output", tmp_path / "lamost")
    result = run(*command, "--release", "dr11", "--version", "v2.0", "--mrs")
    assert result.exit_code == 0, result.output
    assert {request.path for request in server.requests} == {"/dr11/v2.0/mrs/spectrum/fits"}
    assert (tmp_path / "lamost/403028.fits").is_file()
    assert "2 were there" in run(*command, "--release", "dr11", "--version", "v2.0", "--offline").output


def test_lamost_by_sql(serve: Any, reply: Any, fits_of: Any, tmp_path: Path) -> None:
    def respond(request: Any) -> Any:
        if request.path.endswith("/sql"):
            return reply("\ufeffobsid,subclass\n403028,B6\n".encode())
        return reply(fits_of(request.query["obsid"]))

    server = serve(respond)
    statement = "SELECT obsid, subclass FROM combined WHERE subclass = 'B6' LIMIT 1"
    result = run("lamost", "--sql", statement, "--service", server.url, "--output", tmp_path / "lamost")
    assert result.exit_code == 0, result.output
    assert server.requests[0].query["sql"] == statement


def test_lamost_around_a_position(serve: Any, reply: Any, shared_data: Path, tmp_path: Path) -> None:
    listed = (shared_data / "services/lamost/ssap_response.xml").read_bytes()
    spectrum = (shared_data / "lamost/dr10/spec-57278-EG224429N215706B01_sp01-001.fits.gz").read_bytes()
    server = serve(lambda request: reply(listed if request.path.endswith("ssap") else spectrum))
    command = ("lamost", "--pos", "10.0,40.0", "--size", "0.2", "--service", server.url, "--limit", 4)
    result = run(*command, "--output", tmp_path / "field")
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "field").glob("*.fits.gz"))) == 4
    assert "4 were there" in run(*command, "--output", tmp_path / "field", "--offline").output


@pytest.mark.parametrize("command", ["ondrejov", "ssa", "lamost"])
def test_help_teaches_by_examples(command: str) -> None:
    text = run(command, "--help").output
    assert f"vo-emline fetch {command} " in text
    assert "--output" in text
