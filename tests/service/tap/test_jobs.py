"""Jobs over HTTP, as UWS 1.1 wants them and clients use them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree

UWS = "{http://www.ivoa.net/xml/UWS/v1.0}"
XLINK = "{http://www.w3.org/1999/xlink}"
QUERY = "SELECT TOP 5 ra, dec FROM emline.scores ORDER BY obs_publisher_did"
ENDLESS = (
    "SELECT COUNT(*) AS n FROM emline.scores AS a, emline.scores AS b, emline.scores AS c, "
    "emline.scores AS d, emline.scores AS e WHERE SIN(a.score + b.score + c.score + d.score + e.score) > 2"
)


class Jobs:
    """A client of one service's job list, without any comfort."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.http = httpx.Client(timeout=30)

    def create(self, query: str | None = QUERY, **parameters: Any) -> str:
        """Create a job; give its address."""
        values = {"LANG": "ADQL"} | ({"QUERY": query} if query else {}) | parameters
        answer = self.http.post(self.base, data=values)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def post(self, url: str, **values: str) -> httpx.Response:
        """Post parameters."""
        return self.http.post(url, data=values)

    def text(self, url: str) -> str:
        """Get a text."""
        answer = self.http.get(url)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/plain")
        return answer.text

    def xml(self, url: str, **parameters: Any) -> Any:
        """Get and parse a document."""
        answer = self.http.get(url, params=parameters)
        assert answer.status_code == 200, answer.text
        return etree.fromstring(answer.content)

    def finish(self, url: str) -> str:
        """Wait until a job has ended; give its phase."""
        for _ in range(100):
            phase = self.xml(url, WAIT=2).findtext(f"{UWS}phase")
            if phase not in ("PENDING", "QUEUED", "EXECUTING"):
                return phase
        raise AssertionError(f"{url} does not end")

    def until(self, url: str, phase: str) -> None:
        """Wait until a job is in a phase."""
        deadline = time.monotonic() + 20
        while self.text(f"{url}/phase") != phase:
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.fixture(scope="module")
def jobs(served: Any) -> Iterator[Jobs]:
    client = Jobs(f"{served.tap}/async")
    yield client
    client.http.close()


def test_a_job_runs_from_creation_to_its_result(jobs: Jobs) -> None:
    url = jobs.create(RESPONSEFORMAT="csv", RUNID="mine")
    job = jobs.xml(url)
    assert job.get("version") == "1.1"
    assert job.findtext(f"{UWS}phase") == "PENDING"
    assert job.findtext(f"{UWS}runId") == "mine"
    assert job.findtext(f"{UWS}creationTime").endswith("Z")
    assert jobs.http.get(f"{url}/results/result").status_code == 404

    answer = jobs.post(f"{url}/phase", PHASE="RUN")
    assert (answer.status_code, answer.headers["location"]) == (303, url)
    assert jobs.finish(url) == "COMPLETED"

    job = jobs.xml(url)
    result = job.find(f"{UWS}results/{UWS}result")
    assert (result.get("id"), result.get(f"{XLINK}href")) == ("result", f"{url}/results/result")
    content = jobs.http.get(result.get(f"{XLINK}href"))
    assert content.headers["content-type"] == "text/csv;header=present"
    assert content.text.count("\r\n") == 6
    assert result.get("size") == str(len(content.content))
    assert job.findtext(f"{UWS}startTime") <= job.findtext(f"{UWS}endTime")


def test_phase_run_in_the_creating_request_runs_at_once(jobs: Jobs) -> None:
    assert jobs.finish(jobs.create(PHASE="RUN")) == "COMPLETED"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"query": "SELECT nothing FROM nowhere"}, "nowhere"),
        ({"query": None}, "QUERY is missing"),
        ({"MAXREC": "many"}, "MAXREC"),
        ({"LANG": "PQL"}, "LANG=PQL"),
        ({"UPLOAD": "t,http://localhost:1/"}, "not a public address"),
    ],
)
def test_a_wrong_query_becomes_a_job_in_error(jobs: Jobs, parameters: dict[str, Any], said: str) -> None:
    url = jobs.create(**parameters, PHASE="RUN")
    assert jobs.finish(url) == "ERROR"
    summary = jobs.xml(url).find(f"{UWS}errorSummary")
    assert said in summary.findtext(f"{UWS}message")
    assert summary.get("hasDetail") == "true"
    detail = jobs.http.get(f"{url}/error")
    assert detail.status_code == 200
    assert detail.headers["content-type"] == "application/x-votable+xml"
    assert 'value="ERROR"' in detail.text


def test_parameters_are_posted_to_their_own_resource_while_pending(jobs: Jobs) -> None:
    url = jobs.create(None)
    assert jobs.post(f"{url}/parameters", QUERY=QUERY, RESPONSEFORMAT="csv").status_code == 303
    assert jobs.post(f"{url}/parameters", query=QUERY.replace("5", "2"), nonsense="1").status_code == 303
    shown = {item.get("id"): item.text for item in jobs.xml(f"{url}/parameters")}
    assert shown == {"LANG": "ADQL", "QUERY": QUERY.replace("5", "2"), "RESPONSEFORMAT": "csv"}
    assert jobs.post(url, QUERY="x").status_code == 400
    jobs.post(f"{url}/phase", PHASE="RUN")
    assert jobs.finish(url) == "COMPLETED"
    assert jobs.http.get(f"{url}/results/result").text.count("\r\n") == 3
    assert jobs.post(f"{url}/parameters", QUERY="x").status_code == 400


def test_a_table_is_uploaded_with_a_job(jobs: Jobs) -> None:
    values = {
        "LANG": "ADQL",
        "QUERY": "SELECT a FROM TAP_UPLOAD.t",
        "UPLOAD": "t,param:../../x",
        "FORMAT": "csv",
    }
    answer = jobs.http.post(
        jobs.base, data=values | {"PHASE": "RUN"}, files={"../../x": ("../../y", b"a\n42\n")}
    )
    url = answer.headers["location"]
    assert jobs.finish(url) == "COMPLETED"
    assert jobs.http.get(f"{url}/results/result").text == "a\r\n42\r\n"


def test_wait_returns_when_the_phase_changes_and_never_blocks_long(jobs: Jobs) -> None:
    url = jobs.create(ENDLESS)
    start = time.monotonic()
    jobs.xml(url, WAIT=1)
    assert 0.9 < time.monotonic() - start < 2
    start = time.monotonic()
    jobs.xml(url, WAIT=5, PHASE="EXECUTING")  # the guard differs: at once
    assert time.monotonic() - start < 0.5
    jobs.post(f"{url}/phase", PHASE="RUN")
    jobs.until(url, "EXECUTING")
    jobs.post(f"{url}/phase", PHASE="ABORT")
    start = time.monotonic()
    assert jobs.xml(url, WAIT=-1).findtext(f"{UWS}phase") == "ABORTED"  # ended: at once
    assert time.monotonic() - start < 0.5


@pytest.mark.slow
def test_wait_without_end_ends_before_clients_give_up(jobs: Jobs) -> None:
    start = time.monotonic()
    jobs.xml(jobs.create(), WAIT=-1)
    assert 8 < time.monotonic() - start < 10


def test_abort_really_stops_the_query(jobs: Jobs, served: Any) -> None:
    url = jobs.create(ENDLESS, PHASE="RUN")
    jobs.until(url, "EXECUTING")
    time.sleep(0.2)
    assert jobs.post(f"{url}/phase", PHASE="ABORT").status_code == 303
    assert jobs.text(f"{url}/phase") == "ABORTED"
    deadline = time.monotonic() + 3
    while served.services.jobs._workers._works:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert jobs.post(f"{url}/phase", PHASE="RUN").status_code == 400


def test_the_time_limit_ends_a_job(jobs: Jobs) -> None:
    url = jobs.create(ENDLESS)
    answer = jobs.post(f"{url}/executionduration", EXECUTIONDURATION="1")
    assert answer.status_code == 303
    assert jobs.text(f"{url}/executionduration") == "1"
    jobs.post(f"{url}/phase", PHASE="RUN")
    assert jobs.finish(url) == "ERROR"
    assert "time limit of 1 s" in jobs.http.get(f"{url}/error").text


def test_limits_are_kept_within_what_the_service_allows(jobs: Jobs, served: Any) -> None:
    settings = served.services.settings
    url = jobs.create()
    assert jobs.text(f"{url}/executionduration") == str(settings.job_seconds_default)
    for asked in ("0", "999999999"):
        jobs.post(f"{url}/executionduration", EXECUTIONDURATION=asked)
        assert jobs.text(f"{url}/executionduration") == str(settings.job_seconds_hard)
    created = datetime.fromisoformat(jobs.xml(url).findtext(f"{UWS}creationTime"))
    jobs.post(f"{url}/destruction", DESTRUCTION="2999-01-01T00:00:00Z")
    latest = created + timedelta(days=settings.retention_days_hard)
    assert datetime.fromisoformat(jobs.text(f"{url}/destruction")) == latest
    jobs.post(f"{url}/destruction", DESTRUCTION="2999-01-01")
    assert jobs.post(f"{url}/destruction", DESTRUCTION="tomorrow").status_code == 400
    assert jobs.post(f"{url}/executionduration", EXECUTIONDURATION="-5").status_code == 400


def test_a_job_is_destroyed_when_its_time_has_come(jobs: Jobs, served: Any) -> None:
    url = jobs.create(PHASE="RUN")
    jobs.finish(url)
    folder = served.services.jobs.folder(url.rpartition("/")[2])
    assert (folder / "result").is_file()
    jobs.post(f"{url}/destruction", DESTRUCTION=datetime.now(UTC).isoformat())
    deadline = time.monotonic() + 5
    while jobs.http.get(url).status_code != 404:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not folder.exists()


@pytest.mark.parametrize("by", ["DELETE", "ACTION"])
def test_a_deleted_job_is_gone(jobs: Jobs, by: str) -> None:
    url = jobs.create(ENDLESS, PHASE="RUN")
    answer = jobs.http.delete(url) if by == "DELETE" else jobs.post(url, ACTION="DELETE")
    assert (answer.status_code, answer.headers["location"]) == (303, jobs.base)
    for child in ("", "/phase", "/results", "/results/result", "/error", "/parameters", "/owner", "/quote"):
        assert jobs.http.get(url + child).status_code == 404


def test_the_list_is_filtered_by_phase_time_and_number(start_service: Any, release_file: Any) -> None:
    jobs = Jobs(f"{start_service(release_file, job_list=True).tap}/async")
    first = jobs.create()
    created = jobs.xml(first).findtext(f"{UWS}creationTime")
    done = jobs.create(PHASE="RUN")
    jobs.finish(done)

    def listed(**filters: Any) -> list[str]:
        return [item.get(f"{XLINK}href") for item in jobs.xml(jobs.base, **filters)]

    assert {first, done} <= set(listed())
    assert first in listed(PHASE="PENDING")
    assert done not in listed(PHASE="PENDING")
    assert {first, done} <= set(listed(PHASE=["PENDING", "COMPLETED"]))
    assert listed(LAST=1) == [done]
    assert set(listed(AFTER=created)) == {done}
    for wrong in ({"PHASE": "LATER"}, {"LAST": "x"}, {"AFTER": "yesterday"}):
        assert jobs.http.get(jobs.base, params=wrong).status_code == 400


def test_odd_requests_are_refused(jobs: Jobs) -> None:
    url = jobs.create()
    for answer in (
        jobs.post(f"{url}/phase", PHASE="HELD"),
        jobs.post(f"{url}/phase"),
        jobs.post(f"{url}/executionduration"),
        jobs.http.get(url, params={"WAIT": "long"}),
        jobs.post(jobs.base, PHASE="ABORT", LANG="ADQL"),
    ):
        assert answer.status_code == 400
        assert 'value="ERROR"' in answer.text
    assert jobs.http.get(f"{jobs.base}/../../etc/passwd").status_code == 404
    assert jobs.http.get(f"{jobs.base}/%2e%2e%2fjobs.sqlite").status_code == 404
    assert jobs.text(f"{url}/owner") == jobs.text(f"{url}/quote") == ""


def test_as_many_jobs_as_the_settings_say_are_kept(start_service: Any, release_file: Any) -> None:
    small = start_service(release_file, jobs_kept=2, job_list=False)
    client = Jobs(f"{small.tap}/async")
    urls = [client.create(), client.create()]
    answer = client.post(client.base, LANG="ADQL", QUERY=QUERY)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert len(client.xml(client.base)) == 0  # not listed, by the settings
    client.http.delete(urls[0])
    client.create()
    client.http.close()


def test_results_have_only_so_much_room(start_service: Any, release_file: Any) -> None:
    small = start_service(release_file, results_bytes=4000)
    client = Jobs(f"{small.tap}/async")
    first = client.create(PHASE="RUN")
    assert client.finish(first) == "COMPLETED"
    big = client.create("SELECT * FROM emline.scores", PHASE="RUN")
    assert client.finish(big) == "ERROR"
    assert "no room" in client.http.get(f"{big}/error").text
    assert [path.name for path in small.services.jobs.folder(big.rpartition("/")[2]).iterdir()] == []
    client.http.close()


def test_a_locked_store_refuses_jobs_and_holds_up_nothing_else(
    start_service: Any, release_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.uws.jobs.LOCK_SECONDS", 0.3)
    locked = start_service(release_file, state_directory=tmp_path)
    jobs = f"{locked.tap}/async"
    with (
        closing(sqlite3.connect(tmp_path / "jobs.sqlite", isolation_level=None)) as other,
        ThreadPoolExecutor(6) as threads,
    ):
        other.execute("BEGIN EXCLUSIVE")
        ask = {"LANG": "ADQL", "QUERY": QUERY}
        waiting = [threads.submit(httpx.post, jobs, data=ask, timeout=60) for _ in range(6)]
        assert locked.sync(QUERY).status_code == 200
        assert httpx.get(f"{locked.tap}/capabilities").status_code == 200
        answers = [future.result() for future in waiting]
        assert {answer.status_code for answer in answers} == {503}
        assert {answer.headers["retry-after"] for answer in answers} == {"5"}
        other.execute("ROLLBACK")
    assert httpx.post(jobs, data=ask, timeout=60).status_code == 303
