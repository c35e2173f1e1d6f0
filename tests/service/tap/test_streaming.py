"""Large results: soon there, flat in memory, stopped when nobody reads, honest about limits."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pyarrow as pa
import pytest

from service.deadline import Deadline
from service.errors import BusyError, StoppedError
from service.formats import VOTABLE
from service.tap.request import TapRequest
from vo_emline.candidates import build_release

MILLIONS = "SELECT a.ra, a.dec, b.score FROM emline.scores AS a, emline.scores AS b, emline.scores AS c"
ENDLESS = (
    f"SELECT COUNT(*) AS n FROM ({MILLIONS}) AS x, emline.scores AS y, emline.scores AS z "
    "WHERE SIN(x.ra + y.ra) > 2"
)


@pytest.fixture(scope="module")
def process(release_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    """A service in a process of its own, so that its memory can be seen: process id and address."""
    state = str(tmp_path_factory.mktemp("state"))
    command = [sys.executable, "-m", "service", str(release_file), "--port", "0", "--state-directory", state]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        assert running.stdout is not None
        yield running.pid, running.stdout.readline().strip()
        running.terminate()


def peak_memory(pid: int) -> int:
    """Give the largest resident size of a process so far, MB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) // 1000


def stream(url: str, **parameters: Any) -> tuple[float, int]:
    """Read an answer without keeping it: seconds to the first byte, and bytes."""
    values = {"LANG": "ADQL", "QUERY": MILLIONS} | parameters
    start, size, first = time.perf_counter(), 0, 0.0
    with httpx.stream("GET", f"{url}/tap/sync", params=values, timeout=60) as answer:
        assert answer.status_code == 200
        for chunk in answer.iter_raw():
            first = first or time.perf_counter() - start
            size += len(chunk)
    return first, size


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="memory is read from /proc")
def test_five_million_rows_leave_memory_flat(process: tuple[int, str]) -> None:
    pid, url = process
    stream(url, MAXREC=100_000)
    before = peak_memory(pid)
    _, size = stream(url, MAXREC=5_000_000)
    assert size > 5_000_000 * 21 * 4 / 3  # a null byte and 20 bytes of numbers in base64
    assert peak_memory(pid) - before < 100


def test_the_first_byte_comes_as_soon_for_millions_as_for_thousands(process: tuple[int, str]) -> None:
    _, url = process
    query = {"LANG": "ADQL", "QUERY": MILLIONS}
    seconds = []
    for maxrec in (1000, 8_000_000):
        start = time.perf_counter()
        with httpx.stream("GET", f"{url}/tap/sync", params=query | {"MAXREC": maxrec}) as answer:
            next(answer.iter_raw())
            seconds.append(time.perf_counter() - start)
    # 0.1 s is the aim on an idle machine; a busy one is given more, but not what millions of rows take.
    assert seconds[1] < max(0.5, 5 * seconds[0])


def busy(served: Any) -> bool:
    """Tell whether a query holds a place."""
    return served.services.slots._free._value < served.services.settings.queries


def wait_until(condition: Any, seconds: float = 10.0) -> None:
    """Wait until `condition()` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(("query", "read"), [(ENDLESS, 0), (MILLIONS, 100_000)])
def test_a_client_that_goes_away_stops_its_query(served: Any, query: str, read: int) -> None:
    parts = urlsplit(served.tap)
    path = f"{parts.path}/sync?{urlencode({'LANG': 'ADQL', 'QUERY': query, 'MAXREC': 8_000_000})}"
    wait_until(lambda: not busy(served))
    with socket.create_connection((parts.hostname, parts.port)) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        wait_until(lambda: busy(served))
        while read > 0:
            read -= len(client.recv(min(read, 65536)))
    wait_until(lambda: not busy(served), 3)
    assert served.sync("SELECT TOP 1 ra FROM emline.scores").status_code == 200


def test_the_time_limit_is_told(start_service: Any, release_file: Path) -> None:
    hasty = start_service(release_file, sync_seconds=1)
    start = time.monotonic()
    answer = hasty.sync(ENDLESS)
    assert answer.status_code == 400
    assert "time limit of 1 s" in answer.text
    assert time.monotonic() - start < 5


def test_a_time_limit_in_mid_stream_leaves_a_votable_that_says_so(
    start_service: Any, release_file: Path
) -> None:
    hasty = start_service(release_file, sync_seconds=1)
    slow = (
        "SELECT a.ra FROM emline.scores AS a, emline.scores AS b, emline.scores AS c, emline.scores AS d "
        "WHERE SIN(a.ra + b.ra + c.ra) > 0.99"
    )
    answer = hasty.sync(slow, MAXREC=10_000_000, RESPONSEFORMAT="votable/td")
    assert answer.status_code == 200
    assert '</TABLE>\n<INFO name="QUERY_STATUS" value="ERROR">' in answer.text
    assert "time limit" in answer.text[-2000:]
    with pytest.raises(httpx.RemoteProtocolError):
        hasty.sync(slow, MAXREC=10_000_000, RESPONSEFORMAT="csv")


def test_a_query_that_wants_too_much_memory_fails_alone(start_service: Any, release_file: Path) -> None:
    small = start_service(release_file, memory="60MB", spill="1MB")
    hungry = (
        "SELECT ivo_string_agg(a.access_url || b.access_url || c.access_url, ',') AS x "
        "FROM emline.scores AS a, emline.scores AS b, emline.scores AS c"
    )
    answer = small.sync(hungry)
    assert answer.status_code == 400
    assert "more memory" in answer.text
    assert small.rows("SELECT COUNT(*) AS n FROM emline.scores") == [[200]]


def test_more_queries_than_places_wait_their_turn(start_service: Any, release_file: Path) -> None:
    narrow = start_service(release_file, queries=2)
    answers: list[httpx.Response] = []

    def ask() -> None:
        answers.append(narrow.sync("SELECT COUNT(*) AS n FROM emline.scores AS a, emline.scores AS b"))

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * 12


def test_who_waits_too_long_is_told_to_come_back(start_service: Any, release_file: Path) -> None:
    narrow = start_service(release_file, queries=1, queue_seconds=1, sync_seconds=4)
    blocker = threading.Thread(target=narrow.sync, args=(ENDLESS,))
    blocker.start()
    wait_until(lambda: busy(narrow))
    answer = narrow.sync("SELECT TOP 1 ra FROM emline.scores")
    blocker.join()
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "busy" in answer.text


def test_long_queries_give_way_to_those_that_wait(start_service: Any, release_file: Path) -> None:
    crowded = start_service(
        release_file,
        queries=2,
        client_queries=2,
        long_seconds=1,
        reserve=1,
        user_header="x-u",
        sync_seconds=15,
    )
    values = {"LANG": "ADQL", "QUERY": ENDLESS}
    ended: list[httpx.Response] = []

    def ask(user: str) -> None:
        answer = httpx.get(f"{crowded.tap}/sync", params=values, headers={"X-U": user}, timeout=60)
        ended.append(answer)

    threads = [threading.Thread(target=ask, args=(user,), daemon=True) for user in "ab"]
    for thread in threads:
        thread.start()
    wait_until(lambda: crowded.services.slots.taken == 2)
    # one of the two may stay as long as it likes, and is stopped by the end of the test
    assert crowded.sync("SELECT TOP 1 ra FROM emline.scores").status_code == 200
    wait_until(lambda: len(ended) == 1)
    assert ended[0].status_code == 503
    assert "/tap/async" in ended[0].text
    assert crowded.services.slots.taken == 1


def test_limits_count_for_the_user_whom_the_proxy_names(start_service: Any, release_file: Path) -> None:
    narrow = start_service(
        release_file, client_queries=1, queue_seconds=1, sync_seconds=6, user_header="x-user"
    )
    values = {"LANG": "ADQL", "QUERY": ENDLESS}
    url = f"{narrow.tap}/sync"
    blocker = threading.Thread(
        target=lambda: httpx.get(url, params=values, headers={"X-User": "ann"}, timeout=60)
    )
    blocker.start()
    wait_until(lambda: narrow.services.slots.taken == 1)
    quick = {"LANG": "ADQL", "QUERY": "SELECT TOP 1 ra FROM emline.scores"}
    answers = {
        user: httpx.get(url, params=quick, headers={"X-User": user}, timeout=60) for user in ("ann", "bob")
    }
    blocker.join()
    assert answers["ann"].status_code == 429
    assert answers["ann"].headers["retry-after"] == "5"
    assert answers["bob"].status_code == 200


def test_a_new_release_under_load_fails_no_request(
    start_service: Any, tmp_path: Path, release_file: Path, spectra_table: pa.Table
) -> None:
    path = tmp_path / "release.duckdb"
    path.write_bytes(release_file.read_bytes())
    exchanged = start_service(path)
    stop, seen, failed = threading.Event(), set(), []

    def ask() -> None:
        with httpx.Client() as client:
            values = {"LANG": "ADQL", "QUERY": "SELECT COUNT(*) AS n FROM ivoa.obscore", "FORMAT": "csv"}
            while not stop.is_set():
                answer = client.get(f"{exchanged.tap}/sync", params=values)
                (seen.add if answer.status_code == 200 else failed.append)(answer.text)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for rows in (50, 100):
        build_release(path, spectra=spectra_table.slice(0, rows))
        wait_until(lambda rows=rows: f"n\r\n{rows}\r\n" in seen)
    stop.set()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(seen) == 3


def test_who_is_stopped_before_the_query_runs_hears_why(served: Any) -> None:
    services = served.services
    asked = TapRequest(query="SELECT TOP 1 ra FROM emline.scores", format=VOTABLE, maxrec=1)
    for reason, error in (("busy", BusyError), ("abort", StoppedError)):
        with services.queries.query(asked, deadline=Deadline.after(20)) as query:
            query.stop(reason)
            with pytest.raises(error):
                query.run()
