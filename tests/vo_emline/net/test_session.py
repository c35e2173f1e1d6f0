"""Requests to a server that misbehaves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from vo_emline.net.session import (
    HostGate,
    Politeness,
    Session,
    TransferError,
    join_url,
    parse_retry_after,
    redact,
)
from vo_emline.net.transfer import download

QUICK = Politeness(attempts=4, backoff=0.01, timeout=0.4)


def fetch(url: str, politeness: Politeness = QUICK) -> bytes:
    with Session(politeness) as session:
        return download(session, url).content


def in_turn(*replies: Any) -> Callable[[Any], Any]:
    """Answer with each reply in turn, and with the last one for ever."""
    left = list(replies)
    return lambda request: left.pop(0) if len(left) > 1 else left[0]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_transient_errors_are_asked_again(serve: Any, reply: Any, status: int) -> None:
    server = serve(in_turn(reply(b"busy", status), reply(b"busy", status), reply(b"here")))
    assert fetch(server.url) == b"here"
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_other_errors_are_not(serve: Any, reply: Any, status: int) -> None:
    server = serve(in_turn(reply(b"<h1>Sorry</h1> no such spectrum", status)))
    with pytest.raises(TransferError, match="Sorry no such spectrum") as caught:
        fetch(server.url)
    assert (caught.value.code, caught.value.retry) == (f"http_{status}", False)
    assert len(server.requests) == 1


def test_timeouts_are_asked_again(serve: Any, reply: Any) -> None:
    server = serve(in_turn(reply(b"late", delay=0.8), reply(b"here")))
    assert fetch(server.url) == b"here"


def test_half_a_body_is_asked_again(serve: Any, reply: Any) -> None:
    server = serve(in_turn(reply(b"0123456789", cut=4), reply(b"0123456789")))
    assert fetch(server.url) == b"0123456789"


def test_a_wrong_checksum_is_asked_again(serve: Any, reply: Any) -> None:
    server = serve(in_turn(reply(b"damaged", headers={"Content-MD5": "AAAA"}), reply(b"here")))
    assert fetch(server.url) == b"here"


def test_it_gives_up_after_its_attempts(serve: Any, reply: Any) -> None:
    server = serve(in_turn(reply(b"busy", 503)))
    with pytest.raises(TransferError, match="HTTP 503") as caught:
        fetch(server.url)
    assert caught.value.retry
    assert len(server.requests) == QUICK.attempts


def test_a_refused_connection_is_transient() -> None:
    with pytest.raises(TransferError, match="connection failed") as caught:
        fetch("http://127.0.0.1:9/")
    assert (caught.value.code, caught.value.retry) == ("connection", True)


def test_no_content_means_no_data(serve: Any, reply: Any) -> None:
    server = serve(in_turn(reply(status=204)))
    with pytest.raises(TransferError, match="no data in that range") as caught:
        fetch(server.url)
    assert not caught.value.retry


def test_redirects_are_followed(serve: Any, reply: Any) -> None:
    server = serve(
        lambda r: reply(b"here") if r.path == "/new" else reply(status=302, headers={"Location": "/new"})
    )
    assert fetch(server.url + "/old") == b"here"


def test_retry_after_holds_for_the_whole_host(serve: Any, reply: Any) -> None:
    server = serve(in_turn(reply(b"slow down", 429, {"Retry-After": "1"}), reply(b"here")))
    started = time.monotonic()
    assert fetch(server.url) == b"here"
    assert time.monotonic() - started >= 1.0


def test_retry_after_is_capped(serve: Any, reply: Any) -> None:
    server = serve(in_turn(reply(b"", 503, {"Retry-After": "3600"}), reply(b"here")))
    assert fetch(server.url, Politeness(max_wait=0.1, attempts=2)) == b"here"


def test_starts_keep_their_distance() -> None:
    gate = HostGate(0.05)
    stop = threading.Event()
    moments = []
    for _ in range(5):
        gate.wait(stop)
        moments.append(time.monotonic())
    assert moments[-1] - moments[0] >= 0.19


def test_stopping_ends_all_waiting(serve: Any, reply: Any) -> None:
    server = serve(in_turn(reply(b"", 503, {"Retry-After": "60"})))
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    started = time.monotonic()
    with Session(Politeness(attempts=3)) as session, pytest.raises(TransferError, match="stopped"):
        download(session, server.url, stop=stop)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(("text", "seconds"), [("7", 7.0), ("", None), (None, None), ("soon", None)])
def test_retry_after_in_seconds(text: str | None, seconds: float | None) -> None:
    assert parse_retry_after(text) == seconds


def test_retry_after_as_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    seconds = parse_retry_after(later)
    assert seconds is not None
    assert 27 < seconds <= 30


def test_secrets_are_hidden() -> None:
    url = join_url("http://a.test/x?obsid=1", {"token": "s3cret", "b": "2"})
    assert url == "http://a.test/x?obsid=1&token=s3cret&b=2"
    assert redact(f"404 for {url} (sorry)") == "404 for http://a.test/x?obsid=1&token=***&b=2 (sorry)"


def test_a_session_gives_the_last_answer_whatever_it_is(serve: Any, reply: Any) -> None:
    server = serve(in_turn(reply(b"busy", 503)))
    with Session(QUICK) as session:
        answer = session.get(server.url)
    assert (answer.status_code, answer.text) == (503, "busy")
    assert len(server.requests) == QUICK.attempts


def test_a_query_by_post_may_be_repeated(serve: Any, reply: Any) -> None:
    server = serve(in_turn(reply(b"busy", 502), reply(b"here")))
    with Session(QUICK) as session:
        assert session.post(server.url, data={"QUERY": "SELECT 1"}).text == "here"
    assert [request.body for request in server.requests] == [b"QUERY=SELECT+1"] * 2


def test_a_query_without_an_answer_is_not_repeated(serve: Any, reply: Any) -> None:
    server = serve(in_turn(reply(b"late", delay=0.8), reply(b"here")))
    politeness = Politeness(attempts=4, timeout=0.3, repeat_silence=False)
    with Session(politeness) as session, pytest.raises(TransferError, match="did not answer in time"):
        session.post(server.url, data={"QUERY": "SELECT 1"})
    assert len(server.requests) == 1


def test_too_much_is_refused(serve: Any, reply: Any) -> None:
    server = serve(in_turn(reply(b"x" * 3_000_000)))
    with Session(QUICK, largest=2**20) as session, pytest.raises(TransferError, match="larger than 1 MB"):
        download(session, server.url)
    assert len(server.requests) == 1


def test_no_error_tells_the_token(serve: Any, reply: Any) -> None:
    server = serve(in_turn(reply(b"you said ?token=s3cret", 403)))
    for url in (f"{server.url}/?token=s3cret", "http://127.0.0.1:9/?token=s3cret", "ftp://x/?token=s3cret"):
        with pytest.raises(TransferError) as caught:
            fetch(url)
        assert "s3cret" not in str(caught.value)


def test_connections_are_used_again(serve: Any, reply: Any) -> None:
    server = serve(in_turn(reply(b"here")))
    with Session(QUICK) as session:
        for _ in range(5):
            answer = session.get(server.url, stream=True)
            assert answer.raw.read(2, decode_content=True) == b"he"  # and no more, as pyvo does
    assert len(server.connections) == 1
