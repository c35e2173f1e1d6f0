"""The command: what can be served, the address it prints, and that a kill loses nothing."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from lxml import etree

from service.cli import serve
from service.config import Settings
from service.connections import PEER, BehindProxies, set_options
from service.server import find_release, label_hint, with_public_url
from service.uws.workers import MAX_ATTEMPTS
from vo_emline.errors import UserError
from vo_emline.rundir import RunDirectory

UWS = "{http://www.ivoa.net/xml/UWS/v1.0}"
ENDLESS = (
    "SELECT COUNT(*) AS n FROM emline.scores AS a, emline.scores AS b, emline.scores AS c, "
    "emline.scores AS d, emline.scores AS e WHERE SIN(a.score + b.score + c.score + d.score + e.score) > 2"
)


@contextmanager
def server(*arguments: str, quiet: bool = False) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run ``vo-emline serve`` on a free port; give the process and the address it prints."""
    command = [
        sys.executable,
        "-c",
        "from vo_emline.cli import main; main()",
        *(["--quiet"] if quiet else []),
        "serve",
        *arguments,
        "--port",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url, process.stderr.read() if process.stderr else ""
            yield process, url
        finally:
            process.kill()


def wait(condition: Any, seconds: float = 20) -> None:
    """Wait until `condition()` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_address_is_the_first_line_and_a_signal_ends_the_service(
    release_file: Path, tmp_path: Path
) -> None:
    with server(str(release_file), "--state-directory", str(tmp_path)) as (process, url):
        assert re.fullmatch(r"http://localhost:\d+", url)
        assert httpx.get(f"{url}/tap/availability").status_code == 200
        answer = httpx.get(f"{url}/tap/sync", params={"LANG": "ADQL", "QUERY": "SELECT ra FROM nowhere"})
        assert answer.status_code == 400
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) in (0, -signal.SIGTERM)
        log = process.stderr.read() if process.stderr else ""
        assert process.stdout is not None
        assert process.stdout.read() == ""  # the address stands there alone: scripts read it
    lines = [line for line in log.splitlines() if "event=request" in line]
    assert any("path=/tap/sync" in line and "status=400" in line and "seconds=" in line for line in lines)
    assert "Traceback" not in log


def test_a_kill_loses_no_result_and_restarts_what_waited(release_file: Path, tmp_path: Path) -> None:
    arguments = (str(release_file), "--state-directory", str(tmp_path), "--workers", "1")
    values = {"LANG": "ADQL", "PHASE": "RUN", "FORMAT": "csv"}
    quick = values | {"QUERY": "SELECT TOP 3 ra FROM emline.scores"}
    with server(*arguments) as (process, url):
        done = httpx.post(f"{url}/tap/async", data=quick).headers["location"]
        wait(lambda: httpx.get(f"{done}/phase").text == "COMPLETED")
        content = httpx.get(f"{done}/results/result").content
        running = httpx.post(f"{url}/tap/async", data=values | {"QUERY": ENDLESS}).headers["location"]
        wait(lambda: httpx.get(f"{running}/phase").text == "EXECUTING")
        queued = httpx.post(f"{url}/tap/async", data=quick).headers["location"]
        pending = httpx.post(f"{url}/tap/async", data=quick | {"PHASE": ""}).headers["location"]
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    done, running, queued, pending = (each.rpartition("/")[2] for each in (done, running, queued, pending))
    with server(*arguments) as (_, url):
        jobs = f"{url}/tap/async"
        assert httpx.get(f"{jobs}/{done}/results/result").content == content
        assert httpx.get(f"{jobs}/{pending}/phase").text == "PENDING"
        wait(lambda: httpx.get(f"{jobs}/{running}/phase").text == "EXECUTING")
        httpx.delete(f"{jobs}/{running}")
        wait(lambda: httpx.get(f"{jobs}/{queued}/phase").text == "COMPLETED")
        href = etree.fromstring(httpx.get(f"{jobs}/{queued}").content).find(f"{UWS}results/{UWS}result")
        assert href is not None


def test_a_job_outlasts_any_number_of_ordinary_restarts(release_file: Path, tmp_path: Path) -> None:
    arguments = (str(release_file), "--state-directory", str(tmp_path))
    job = ""
    for _ in range(MAX_ATTEMPTS + 1):
        with server(*arguments) as (process, url):
            if not job:
                values = {"LANG": "ADQL", "PHASE": "RUN", "QUERY": ENDLESS}
                job = (
                    httpx.post(f"{url}/tap/async", data=values, timeout=60)
                    .headers["location"]
                    .rpartition("/")[2]
                )
            wait(lambda: httpx.get(f"{url}/tap/async/{job}/phase", timeout=60).text == "EXECUTING")  # noqa: B023 - at once
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)
    with server(*arguments) as (_, url):
        wait(lambda: httpx.get(f"{url}/tap/async/{job}/phase", timeout=60).text == "EXECUTING")


def test_a_hang_up_is_no_reason_to_end(release_file: Path, tmp_path: Path) -> None:
    with server(str(release_file), "--state-directory", str(tmp_path)) as (process, url):
        process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        assert httpx.get(f"{url}/healthz").text == "ok\n"
        assert process.poll() is None


def test_a_folder_of_spectra_is_served(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with server(str(shared_data / "ondrejov"), "--state-directory", str(tmp_path / "state")) as (_, url):
        values = {
            "LANG": "ADQL",
            "FORMAT": "json",
            "QUERY": "SELECT obs_collection, COUNT(*) AS n FROM ivoa.obscore GROUP BY obs_collection",
        }
        rows = httpx.get(f"{url}/tap/sync", params=values).json()["data"]
        assert rows == [["Ondrejov CCD700", len(list((shared_data / "ondrejov").iterdir()))]]
        assert "ivoa.obscore" in httpx.get(url).text


def test_a_run_is_served_by_its_release(tmp_path: Path, release_file: Path) -> None:
    run = RunDirectory(tmp_path)
    run.release.write_bytes(release_file.read_bytes())
    assert find_release(tmp_path) == run.release
    assert find_release(release_file) == release_file


def test_an_unfinished_run_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no spectra"):
        find_release(tmp_path)
    RunDirectory(tmp_path).manifest.write_text("{}")
    with pytest.raises(UserError, match="without a release"):
        find_release(tmp_path)


def test_a_survey_is_to_be_published_first(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("{}")
    with pytest.raises(UserError, match="make one with `vo-emline publish"):
        find_release(tmp_path)


def test_a_file_that_is_no_release_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database")
    command = [sys.executable, "-m", "vo_emline", "serve", str(path), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "notes.txt is nothing to serve" in done.stderr
    assert done.stdout == ""


def test_quiet_means_that_requests_are_not_logged(release_file: Path, tmp_path: Path) -> None:
    with server(str(release_file), "--state-directory", str(tmp_path), quiet=True) as (process, url):
        assert httpx.get(f"{url}/tap/availability").status_code == 200
        assert httpx.get(f"{url}/tap/sync", params={"QUERY": "nonsense"}).status_code == 400
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_two_services_do_not_share_a_state_directory(release_file: Path, tmp_path: Path) -> None:
    arguments = (str(release_file), "--state-directory", str(tmp_path))
    with server(*arguments):
        second = CliRunner().invoke(serve, [*arguments, "--port", "0"])
    assert isinstance(second.exception, UserError)
    assert "state_directory" in str(second.exception)


def test_a_port_in_use_is_named(release_file: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(serve, [str(release_file), "--port", port])
    assert isinstance(result.exception, UserError)
    assert port in str(result.exception)


def test_the_end_of_an_answer_does_not_wait_for_a_word_of_the_client() -> None:
    with socket.socket() as listener:
        set_options(listener)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) > 0


@pytest.mark.parametrize(
    ("host", "public_url", "expected"),
    [
        ("127.0.0.1", "", "http://localhost:99"),
        ("0.0.0.0", "", "http://localhost:99"),
        ("example.org", "", "http://example.org:99"),
        ("127.0.0.1", "https://example.org/emline/", "https://example.org/emline"),
    ],
)
def test_the_public_address_is_made_or_taken(host: str, public_url: str, expected: str) -> None:
    assert with_public_url(Settings(host=host, public_url=public_url), port=99).public_url == expected


SPATIAL = """
import sys
from pathlib import Path
from starlette.testclient import TestClient
from service.app import create_app
from service.config import Settings
from service.connections import PEER, BehindProxies, set_options

settings = Settings(public_url="http://localhost", state_directory=Path(sys.argv[2]))
values = {"LANG": "ADQL", "FORMAT": "csv", "QUERY": "SELECT TOP 1 s_ra FROM ivoa.obscore"}
with TestClient(create_app(Path(sys.argv[1]), settings)) as client:
    client.get("/tap/sync", params=values).raise_for_status()
    before = set(sys.modules)
    near = {"QUERY": values["QUERY"] + " WHERE DISTANCE(s_ra, s_dec, 84, -10) < 1"}
    client.get("/tap/sync", params=values | near).raise_for_status()
    print(sorted(set(sys.modules) - before), file=sys.stderr)
"""


def test_the_first_spatial_query_does_not_wait_for_libraries(release_file: Path, tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", SPATIAL, str(release_file), str(tmp_path)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_help_is_quick_and_light() -> None:
    heavy = ("duckdb", "astropy", "starlette", "jax")
    script = f"import sys, service.cli; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_service_for_others_says_how_people_come_to_label() -> None:
    said = label_hint("r.duckdb", Settings(label=True, host="0.0.0.0", public_url="http://h:8000"))
    assert said is not None
    assert "vo-emline label invite NAME --release r.duckdb --public-url http://h:8000" in said
    for quiet in (Settings(label=True), Settings(host="0.0.0.0"), Settings(label=True, label_users=("a",))):
        assert label_hint("r.duckdb", quiet) is None


def test_who_really_asks_is_remembered_beside_whom_a_proxy_names() -> None:
    seen: list[tuple[str, str]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["client"][0], scope[PEER]))

    headers = [(b"x-forwarded-for", b"203.0.113.7")]
    for peer in ("192.0.2.1", "198.51.100.9", "::ffff:192.0.2.1", "2001:db8::1"):
        scope = {"type": "http", "client": (peer, 1), "headers": headers}
        asyncio.run(BehindProxies(app, proxies=("192.0.2.1",))(scope, None, None))  # type: ignore[arg-type]
    behind = ("203.0.113.7", "192.0.2.1")  # also where one listener takes both kinds of addresses
    assert seen == [behind, ("198.51.100.9", "198.51.100.9"), behind, ("2001:db8::1", "2001:db8::1")]
