import logging
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from pyvo.samp import SAMPHubServer

from vo_emline.client.samp import (
    NoHubError,
    RefusedError,
    SampSession,
    TableReference,
    messages,
    running_hub,
    start_hub,
)
from vo_emline.errors import UserError

TABLE = TableReference("http://service/table", "id-1", "table")


def test_without_hub_the_error_says_how_to_start_one(lockfile: Path) -> None:
    with pytest.raises(NoHubError, match=r"start TOPCAT .*vo-emline samp hub"):
        SampSession.connect()


def test_a_stale_lock_file_is_no_hub(lockfile: Path) -> None:
    lockfile.write_text("samp.secret=x\nsamp.hub.xmlrpc.url=http://127.0.0.1:1/\n")
    with pytest.raises(NoHubError):
        running_hub()


def test_a_spoilt_lock_file_is_no_hub(lockfile: Path) -> None:
    lockfile.write_text("this is not a lock file\n")
    with pytest.raises(NoHubError, match="of no use"):
        running_hub()


def test_a_hub_is_started_on_request_and_ends_with_the_session(lockfile: Path) -> None:
    with SampSession.connect(start=True) as session:
        assert session.connected
        assert running_hub()["samp.hub.xmlrpc.url"]
    assert not session.connected
    with pytest.raises(NoHubError):
        running_hub()


def test_two_hubs_are_refused(hub: SAMPHubServer) -> None:
    with pytest.raises(UserError, match="running already"):
        start_hub()


def test_we_declare_name_icon_and_description(session: SampSession, hub: SAMPHubServer) -> None:
    with SampSession.connect(name="other") as other:
        (ours,) = [one for one in other.receivers() if one.name == "vo-emline"]
        declared = other._client.get_metadata(ours.id)
    assert "Emission-line" in ours.description
    with urllib.request.urlopen(declared["samp.icon.url"]) as icon:
        assert icon.read(8) == b"\x89PNG\r\n\x1a\n"


def test_closing_unregisters_and_may_be_repeated(session: SampSession, hub: SAMPHubServer) -> None:
    other = SampSession.connect(name="other")
    assert [one.name for one in session.receivers()] == ["other", "PyVO SAMP Hub"]
    other.close()
    other.close()
    assert [one.name for one in session.receivers()] == ["PyVO SAMP Hub"]


def test_closing_after_the_hub_has_gone_is_harmless(hub: SAMPHubServer) -> None:
    session = SampSession.connect()
    hub.stop()
    session.close()
    assert not session.connected


def test_find_by_beginning_of_name_in_any_case(session: SampSession) -> None:
    with SampSession.connect(name="SPLAT-VO") as other:
        other.listen({messages.SPECTRUM_LOAD: lambda _sender, _params: None})
        (found,) = session.find("splat", messages.SPECTRUM_LOAD)
        assert found.name == "SPLAT-VO"
        with pytest.raises(UserError, match=r"SPLAT-VO does not accept table\.load\.votable"):
            session.find("splat", messages.TABLE_LOAD)
        with pytest.raises(
            UserError, match=r"no application called 'topcat'.*present: PyVO SAMP Hub, SPLAT-VO"
        ):
            session.find("topcat", messages.TABLE_LOAD)


def test_nobody_to_take_a_table(session: SampSession) -> None:
    with pytest.raises(UserError, match=r"no application on the SAMP hub accepts table\.load\.votable"):
        session.find(None, messages.TABLE_LOAD)


def test_wildcard_subscriptions_count(session: SampSession) -> None:
    with SampSession.connect(name="everything") as other:
        other.listen({"table.*": lambda _sender, _params: None})
        (found,) = session.find(None, messages.TABLE_LOAD)
        assert found.name == "everything"
        assert not found.accepts(messages.SPECTRUM_LOAD)


def test_answers_of_all_receivers_are_told(session: SampSession, caplog: pytest.LogCaptureFixture) -> None:
    received: list[dict[str, Any]] = []

    def refuse(_sender: str, _params: dict[str, Any]) -> None:
        msg = "disk full"
        raise OSError(msg)

    with SampSession.connect(name="good") as good, SampSession.connect(name="bad") as bad:
        good.listen({messages.TABLE_LOAD: lambda _sender, params: received.append(params)})
        bad.listen({messages.TABLE_LOAD: refuse})
        with caplog.at_level(logging.WARNING):
            deliveries = session.send(messages.load_table(TABLE), session.find(None, messages.TABLE_LOAD))
    assert [(one.receiver.name, one.status, one.text) for one in deliveries] == [
        ("bad", "error", "OSError: disk full"),
        ("good", "ok", ""),
    ]
    assert received == [{"url": TABLE.url, "table-id": "id-1", "name": "table"}]
    assert "bad: error (OSError: disk full)" in caplog.text


def test_a_refusal_by_all_is_an_error_with_their_words(session: SampSession) -> None:
    def refuse(_sender: str, _params: dict[str, Any]) -> None:
        msg = "cannot read it"
        raise ValueError(msg)

    with SampSession.connect(name="bad") as bad:
        bad.listen({messages.TABLE_LOAD: refuse})
        with pytest.raises(RefusedError, match=r"bad: error \(ValueError: cannot read it\)"):
            session.send(messages.load_table(TABLE), session.find(None, messages.TABLE_LOAD))


def test_silence_ends_at_the_timeout(session: SampSession) -> None:
    hold = threading.Event()
    with SampSession.connect(name="sleeper") as sleeper:
        sleeper.listen({messages.TABLE_LOAD: lambda _sender, _params: hold.wait(10) and None})
        receivers = session.find("sleeper", messages.TABLE_LOAD)
        (delivery,) = session.offer(messages.load_table(TABLE), receivers, timeout=0.3)
        hold.set()
    assert delivery.status == "no reply"
    assert str(delivery) == "sleeper: no reply (no answer within 0.3 s)"


def test_a_receiver_that_left_is_reported(session: SampSession) -> None:
    other = SampSession.connect(name="leaver")
    other.listen({messages.TABLE_LOAD: lambda _sender, _params: None})
    receivers = session.find("leaver", messages.TABLE_LOAD)
    other.close()
    (delivery,) = session.offer(messages.load_table(TABLE), receivers, timeout=1)
    assert not delivery.accepted


def test_who_never_answers_is_notified_and_not_waited_for(session: SampSession, hub: SAMPHubServer) -> None:
    with SampSession.connect(name="Aladin") as aladin:
        received = threading.Event()
        aladin._client.bind_receive_notification(messages.TABLE_LOAD, lambda *_message: received.set())
        (delivery,) = session.send(messages.load_table(TABLE), session.find("aladin", messages.TABLE_LOAD))
        assert str(delivery) == "Aladin: notified (it gives no answers)"
        assert delivery.accepted
        assert received.wait(10)
