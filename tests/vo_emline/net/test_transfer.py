import http.server
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import pytest

from vo_emline.errors import ArchiveError, UserError
from vo_emline.net.cache import Cache, Download
from vo_emline.net.session import Politeness, Session
from vo_emline.net.transfer import Fetcher, suggested_name
from vo_emline.rejects import Reject


class Archive(http.server.BaseHTTPRequestHandler):
    """Gives ``/ok/…``, stumbles twice over ``/busy``, refuses the rest."""

    seen: ClassVar[Counter[str]] = Counter()
    now, most = 0, 0
    lock = threading.Lock()

    def do_GET(self) -> None:
        kind = type(self)
        with kind.lock:
            kind.seen[self.path] += 1
            kind.now += 1
            kind.most = max(kind.most, kind.now)
        threading.Event().wait(0.02)
        stumbles = self.path == "/busy" and kind.seen[self.path] < 3
        status = 503 if stumbles else 200 if self.path.startswith(("/ok", "/busy")) else 404
        body = self.path.encode() if status == 200 else b"NotFoundFault: no such spectrum\n"
        with kind.lock:
            kind.now -= 1
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Disposition", 'attachment; filename="../spec.fits"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def archive() -> Iterator[str]:
    Archive.seen, Archive.now, Archive.most = Counter(), 0, 0
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Archive)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_answers_come_in_the_order_of_the_questions(archive: str) -> None:
    urls = [f"{archive}/ok/{number}" for number in range(20)]
    answers = Fetcher(parallel=4).fetch_each(urls, progress=False)
    assert [answer.content for answer in answers if isinstance(answer, Download)] == [
        f"/ok/{number}".encode() for number in range(20)
    ]
    assert 1 < Archive.most <= 4


def test_stopping_early_asks_for_no_more(archive: str) -> None:
    urls = [f"{archive}/ok/{number}" for number in range(50)]
    with closing(Fetcher(parallel=2).fetch_each(urls, progress=False)) as answers:
        next(answers)
    assert Archive.seen.total() < 40


def test_a_busy_service_is_asked_again(archive: str) -> None:
    assert Fetcher(Session(Politeness(backoff=0.01))).fetch(f"{archive}/busy").content == b"/busy"
    assert Archive.seen["/busy"] == 3


def test_a_refusal_is_final_and_has_its_reason(archive: str) -> None:
    with pytest.raises(ArchiveError, match="HTTP 404 Not Found: NotFoundFault: no such spectrum") as caught:
        Fetcher().fetch(f"{archive}/gone")
    assert not caught.value.retry
    assert Archive.seen["/gone"] == 1


def test_in_bulk_a_refusal_is_a_reject(archive: str) -> None:
    good, bad = Fetcher().fetch_each([f"{archive}/ok/1", f"{archive}/gone"], progress=False)
    assert isinstance(good, Download)
    assert bad == Reject(
        f"{archive}/gone", "not_fetched", "HTTP 404 Not Found: NotFoundFault: no such spectrum"
    )


def test_nobody_there(archive: str) -> None:
    with pytest.raises(ArchiveError, match="connection failed") as caught:
        Fetcher(Session(Politeness(backoff=0.01))).fetch("http://127.0.0.1:9/spectrum")
    assert caught.value.retry


def test_what_is_cached_is_not_asked_for_again(archive: str, tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    first = Fetcher(cache=cache).fetch(f"{archive}/ok/1")
    again = Fetcher(cache=cache, offline=True).fetch(f"{archive}/ok/1")
    assert first == again
    assert again.filename == "spec.fits"
    assert Archive.seen["/ok/1"] == 1


def test_offline_means_offline(archive: str, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="not in the cache, and we are offline"):
        Fetcher(cache=Cache(tmp_path), offline=True).fetch(f"{archive}/ok/2")
    assert not Archive.seen


def test_without_a_cache_nothing_is_kept(archive: str, cache_folder: Path) -> None:
    Fetcher().fetch(f"{archive}/ok/1")
    assert not cache_folder.exists()


def test_at_least_one_request_at_a_time() -> None:
    with pytest.raises(UserError, match="parallel=0"):
        Fetcher(parallel=0)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="a b.fits"', "a b.fits"),
        ("attachment; filename=../../etc/passwd", "passwd"),
        ('attachment; filename="..\\\\..\\\\boot.ini"', "boot.ini"),
        ("attachment; filename=.bashrc", "bashrc"),
        ("inline", ""),
        ("", ""),
    ],
)
def test_suggested_names_never_leave_the_folder(header: str, name: str) -> None:
    assert suggested_name(header) == name
