"""What an operator asks: a check of a running service, and a report from its log."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from structlog.processors import LogfmtRenderer

from service.operating import is_error, read_log, report, service

SLOW = 'SELECT "a=b", \'x\' FROM t\nWHERE c > 1 -- "quoted"'
LINES: list[dict[str, Any]] = [
    {"event": "request", "status": 200, "seconds": 2.5, "rows": 10, "bytes": 4_000_000, "query": SLOW,
     "query_hash": "aa"},
    {"event": "request", "status": 400, "seconds": 1.25, "bytes": 500, "query": SLOW, "query_hash": "aa",
     "refused": "the query ran into the time limit"},
    {"event": "request", "status": 200, "seconds": 0.01, "rows": 1, "bytes": 100, "query_hash": "bb"},
    {"event": "job", "seconds": 3.0, "rows": 7, "bytes": 100, "query": "SELECT 3", "query_hash": "cc"},
    {"event": "request", "status": 200, "seconds": 9.0, "bytes": 10, "path": "/"},
]  # fmt: skip


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_the_report_tells_the_slowest_queries_first_and_what_was_refused(form: str) -> None:
    render = json.dumps if form == "json" else lambda line: LogfmtRenderer()(None, "", dict(line))
    lines = ["no line of ours", *map(render, LINES), '{"cut']
    said = report(read_log(lines), number=2).splitlines()
    assert "3 × 200" in said[0]
    assert said[1] == "queries: 3 different ones"
    first = said[4].split()
    assert first[:5] == ["3.75", "2.50", "2", "10", "4.0"]
    assert '"a=b"' in said[4]
    assert "refused 1 times: the query ran into the time limit" in said[5]
    assert said[6].split()[:4] == ["3.00", "3.00", "1", "7"]
    assert len(said) == 7


def test_the_command_reads_a_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("\n".join(map(json.dumps, LINES)))
    done = CliRunner().invoke(service, ["log", str(path), "-n", "1"])
    assert done.exit_code == 0
    assert "3.75" in done.output


def test_a_service_that_works_is_told_so(served: Any) -> None:
    done = CliRunner().invoke(service, ["check", served.url, "--no-stilts"])
    assert done.output.count("works ") == 6, done.output
    assert done.exit_code == 0


@pytest.mark.skipif(not shutil.which("stilts"), reason="STILTS is not installed")
def test_stilts_has_nothing_to_mend(served: Any) -> None:
    done = CliRunner().invoke(service, ["check", served.url])
    assert "works     taplint, votlint and datalinklint: no errors" in done.output, done.output
    assert done.exit_code == 0


def test_what_stilts_says_is_an_error_unless_only_observatories_need_it() -> None:
    assert is_error("E-QGE-XXX-1 wrong")
    assert is_error("F-TMV-XXX-1 no answer")
    assert not is_error("F-LOC-NOTP-1 No table with name ivoa.obsplan")
    assert not is_error("I-TMV-VVAL-1 valid")


def test_wrong_addresses_are_found_with_what_to_do(start_service: Any, release_file: Path) -> None:
    wrong = start_service(release_file, public_url="https://elsewhere.example")
    done = CliRunner().invoke(service, ["check", wrong.url, "--no-stilts"])
    assert done.exit_code == 1
    assert "its links lead to https://elsewhere.example" in done.output
    assert "set public_url" in done.output


def test_a_service_that_is_not_there_fails_without_a_traceback() -> None:
    done = CliRunner().invoke(service, ["check", "http://127.0.0.1:9", "--no-stilts"])
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    assert done.output.count("FAILED") == 6
