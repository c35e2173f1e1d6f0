"""What an operator sees: health, metrics, and a log that says which query took how long."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Any

import httpx
import pytest
import structlog

from service.logs import query_facts
from service.metrics import BOUNDS, Metrics, kind_of


def value(text: str, name: str) -> float:
    """Give the value of one line of the metrics."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found, name
    return float(found[1])


def test_requests_are_counted_by_kind_and_status_with_their_rows(served: Any) -> None:
    names = [f'vo_emline_requests_total{{kind="query",status="{status}"}}' for status in (200, 400)]
    rows = 'vo_emline_answer_rows_total{kind="query"}'
    served.sync("SELECT TOP 3 ra FROM emline.scores")
    served.sync("SELECT nothing FROM emline.scores")
    time.sleep(0.1)  # counted after the answer
    before = httpx.get(f"{served.url}/metrics").text
    served.sync("SELECT TOP 3 ra FROM emline.scores")
    served.sync("SELECT nothing FROM emline.scores")
    until = time.monotonic() + 20
    while True:
        after = httpx.get(f"{served.url}/metrics").text
        grown = [value(after, name) - value(before, name) for name in [*names, rows]]
        if grown == [1, 1, 3] or time.monotonic() > until:
            break
    assert grown == [1, 1, 3]
    assert value(after, "vo_emline_query_slots_taken") == 0
    assert value(after, "vo_emline_healthy") == 1
    assert value(after, "vo_emline_memory_bytes") > 50_000_000
    assert value(after, "vo_emline_release_age_seconds") >= 0


def test_every_line_is_what_prometheus_reads() -> None:
    metrics = Metrics()
    metrics.count("/tap/sync", status=200, seconds=0.02, size=100, rows=7)
    metrics.count("/tap/sync", status=503, seconds=1000, size=10)
    text = metrics.text({"age": ("Seconds.", 1.5)})
    line = re.compile(r'# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"\\\n]*"(,\w+="[^"\\\n]*")*\})? [\d.e+-]+')
    assert all(line.fullmatch(each) for each in text.splitlines())
    assert f'le="{BOUNDS[0]}"}} 0' in text
    assert 'le="+Inf"} 2' in text
    assert "vo_emline_age 1.5" in text


@pytest.mark.parametrize("path", ["/tap/sync", "/tap/async/x", "/tap/nothing", "/ssa", "/", '/"\n{x}'])
def test_kinds_are_few_whatever_is_asked_for(path: str) -> None:
    assert re.fullmatch(r"[a-z]+", kind_of(path))


def test_strangers_see_no_metrics(start_service: Any, release_file: Any) -> None:
    closed = start_service(release_file, metrics_clients=())
    assert httpx.get(f"{closed.url}/metrics").status_code == 404
    assert httpx.get(f"{closed.url}/healthz").text == "ok\n"


def test_health_says_what_does_not_work(
    start_service: Any, release_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ill = start_service(release_file)
    monkeypatch.setattr(ill.services.jobs, "problem", lambda: "the state of jobs cannot be written")
    answer = httpx.get(f"{ill.url}/healthz")
    assert (answer.status_code, answer.text) == (503, "the state of jobs cannot be written\n")


def test_the_log_says_of_a_query_what_the_setting_allows() -> None:
    query = "SELECT\x1b[2J 1"
    assert query_facts(query, "text")["query"] == query
    assert set(query_facts(query, "hash")) == {"query_hash"}
    assert query_facts(query, "off") == {}


def test_a_query_and_its_rows_stand_in_the_log_with_nothing_that_steers_a_terminal(
    served: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    served.sync("SELECT TOP 2 ra FROM emline.scores -- \x1b]0;owned\x07\n", LANG="ADQL")
    logging.getLogger("service.store").warning("a \x1b[31mred\x1b[0m word")
    log, until = "", time.monotonic() + 20
    while "rows=2" not in log and time.monotonic() < until:
        log += capfd.readouterr().err
    assert "TOP 2 ra" in log
    assert "red" in log
    assert "\x1b" not in log
    assert "\x07" not in log


def test_json_is_one_object_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    from service.logs import configure_logs

    kept = structlog.get_config()
    structlog.reset_defaults()
    try:
        configure_logs(form="json")
        structlog.get_logger("service").info("request", path="/tap/sync", rows=2)
        line = json.loads(capfd.readouterr().err)
        assert (line["event"], line["rows"], line["level"]) == ("request", 2, "info")
    finally:
        structlog.configure(**kept)
