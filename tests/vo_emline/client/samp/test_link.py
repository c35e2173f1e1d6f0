"""Two programs on one hub that hold the same table."""

import pytest

from vo_emline.client.samp import (
    LinkedTable,
    RefusedError,
    SampSession,
    SpectrumReference,
    TableReference,
    messages,
    send_spectrum,
)
from vo_emline.client.samp.session import Handler
from vo_emline.errors import UserError

TABLE = TableReference("http://service/table", "id-1", "Be stars")
OTHER = TableReference("http://service/other", "id-2", "other")
SPECTRUM = SpectrumReference(url="http://s/1", name="V395 Aur", identifier="ivo://x?1")


@pytest.fixture
def peer(session: SampSession):
    """Another program on the hub."""
    with SampSession.connect(name="peer") as other:
        yield other


def ignore(_sender: str, _params: dict[str, object]) -> None:
    """Accept a message."""


def collect(into: list[dict[str, object]]) -> Handler:
    """Give a handler that keeps the parameters."""
    return lambda _sender, params: into.append(params)


def test_rows_travel_both_ways(session: SampSession, peer: SampSession) -> None:
    ours, theirs = LinkedTable(session, TABLE), LinkedTable(peer, TABLE)

    ours.highlight(4)
    theirs.select([1, 3])
    theirs.point_at(83.5, -5.25)

    assert theirs.highlighted == 4
    assert ours.selected == (1, 3)
    assert ours.pointed_at == (83.5, -5.25)
    assert (ours.events, theirs.events) == (2, 1)
    assert ours.highlighted is None


def test_messages_on_other_tables_are_ignored(session: SampSession, peer: SampSession) -> None:
    ours, theirs = LinkedTable(session, TABLE), LinkedTable(peer, OTHER)

    (delivery,) = theirs.highlight(7)
    theirs.select([7])

    assert delivery.accepted
    assert (ours.highlighted, ours.selected, ours.events) == (None, (), 0)


def test_callbacks_get_what_happened(session: SampSession, peer: SampSession) -> None:
    ours, theirs = LinkedTable(session, TABLE), LinkedTable(peer, TABLE)
    rows: list[int] = []
    selections: list[tuple[int, ...]] = []
    ours.on_highlight(rows.append)
    ours.on_select(selections.append)

    theirs.highlight(2)
    theirs.select([])

    assert rows == [2]
    assert selections == [()]


def test_wait_tells_whether_something_came(session: SampSession, peer: SampSession) -> None:
    ours, theirs = LinkedTable(session, TABLE), LinkedTable(peer, TABLE)
    assert not ours.wait(timeout=0.1)
    seen = ours.events
    theirs.highlight(0)
    assert ours.wait(timeout=5, after=seen)


def test_spoilt_rows_are_refused_not_believed(session: SampSession, peer: SampSession) -> None:
    ours = LinkedTable(session, TABLE)
    message = {"samp.mtype": messages.HIGHLIGHT_ROW, "samp.params": {"table-id": "id-1", "row": "many"}}
    (delivery,) = peer.offer(message, peer.find("vo-emline", messages.HIGHLIGHT_ROW), timeout=5)
    assert delivery.status == "error"
    assert "invalid literal" in delivery.text
    assert ours.highlighted is None


def test_spectrum_goes_as_spectrum_where_that_is_understood(session: SampSession, peer: SampSession) -> None:
    received: list[dict[str, object]] = []
    peer.listen({messages.SPECTRUM_LOAD: collect(received)})
    with SampSession.connect(name="topcat") as tables_only:
        tables_only.listen({messages.TABLE_LOAD: ignore})
        (delivery,) = send_spectrum(session, SPECTRUM)
    assert (delivery.receiver.name, delivery.status) == ("peer", "ok")
    assert received == [messages.load_spectrum(SPECTRUM)["samp.params"]]


def test_spectrum_goes_as_table_to_the_others(session: SampSession, peer: SampSession) -> None:
    received: list[dict[str, object]] = []
    peer.listen({messages.TABLE_LOAD: collect(received)})
    send_spectrum(session, SPECTRUM)
    assert received == [{"url": "http://s/1", "table-id": "ivo://x?1", "name": "V395 Aur"}]


def test_the_way_can_be_insisted_on(session: SampSession, peer: SampSession) -> None:
    peer.listen({messages.TABLE_LOAD: ignore})
    with pytest.raises(UserError, match=r"peer does not accept spectrum\.load\.ssa-generic"):
        send_spectrum(session, SPECTRUM, to="peer", as_table=False)


def test_a_refusal_right_after_loading_is_not_believed(session: SampSession, peer: SampSession) -> None:
    """TOPCAT knows a table by its id a moment after it says that it has loaded it."""
    refusals = iter([True, True, False])

    def highlight(_sender: str, _params: dict[str, object]) -> None:
        if next(refusals):
            raise KeyError("no such table yet")

    peer.listen({messages.TABLE_LOAD: ignore})
    peer.listen({messages.HIGHLIGHT_ROW: highlight})
    ours = LinkedTable(session, TABLE)
    ours.load(to="peer")
    (delivery,) = ours.highlight(1, to="peer")
    assert delivery.status == "ok"


def test_a_refusal_without_loading_is(session: SampSession, peer: SampSession) -> None:
    def highlight(_sender: str, _params: dict[str, object]) -> None:
        raise KeyError("no such table")

    peer.listen({messages.HIGHLIGHT_ROW: highlight})
    with pytest.raises(RefusedError, match="no such table"):
        LinkedTable(session, TABLE).highlight(1, to="peer")
