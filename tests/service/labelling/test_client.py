"""Labelling from Python: next, label, undo, skip, without a connection, by invitation, in a notebook."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.labelling.people import Role
from tests.service.labelling.conftest import Labelled
from vo_emline.client import Client, connect
from vo_emline.client.widget import LabelWidget
from vo_emline.errors import UserError


@pytest.fixture
def client(own: Labelled) -> Iterator[Client]:
    connected = connect(own.url)
    yield connected
    connected.close()


def test_one_labels_undoes_and_skips(own: Labelled, client: Client) -> None:
    own.add_queue("python", own.dids[:4])
    queue = client.queue("python")
    first = queue.next()
    assert first is not None
    assert first == queue.next()
    assert first.wavelength_vac.shape == (140,)
    queue.label(first, "Double peak", quality=2, comment="asymmetric")
    assert queue.undo() == first
    assert queue.next() == first
    queue.label(first, "p-cygni")
    second = queue.next()
    assert second is not None
    queue.skip()
    queue.prediction(own.dids[2])
    seen = []
    while (item := queue.next()) is not None:
        seen.append(item.publisher_did)
        queue.label(item, "absorption")
    assert seen == [own.dids[2], own.dids[3], own.dids[1]]
    kept = {label.publisher_did: label for label in own.log.current("python")}
    assert [kept[did].profile for did in own.dids[:4]] == ["p-cygni", *["absorption"] * 3]
    assert [kept[did].blind for did in own.dids[:4]] == [True, True, False, True]
    assert all(label.model_version and label.view == "python" for label in kept.values())
    assert 0 < kept[own.dids[0]].seconds < 60
    assert len([label for label in own.log.labels() if label.queue == "python"]) == 6
    assert next(one for one in client.queues() if one["name"] == "python")["labelled"] == 4
    with pytest.raises(UserError, match="nova"):
        queue.label(first, "nova")


def test_labels_wait_where_nobody_answers_and_go_once(own: Labelled, client: Client) -> None:
    own.add_queue("offline", own.dids[:3])
    queue = client.queue("offline")
    first = queue.next()
    assert first is not None
    there, queue._base = queue._base, "http://127.0.0.1:9"
    queue.label(first, "emission")
    queue.undo()
    queue.label(first, "nebular")
    assert len(queue.waiting) == 3
    assert own.log.current("offline") == []
    queue._base = there
    again = list(queue.waiting)
    assert queue.send() == 3
    queue.waiting = again  # the answer was lost on the way
    assert queue.send() == 0
    assert [label.profile for label in own.log.current("offline")] == ["nebular"]


def test_who_is_invited_labels_and_others_are_told_how(public: Labelled) -> None:
    public.add_queue("invited", public.dids[:2])
    client = connect(public.url)
    with pytest.raises(UserError, match="invited"):
        client.queues()
    invitation, secret = public.people.invite("Eva", Role.LABELLER)
    for wrong in ("nonsense", f"{public.url}/label/enter/{invitation}#wrong"):
        with pytest.raises(UserError):
            client.enter(wrong)
    client.enter(f"{public.url}/label/enter/{invitation}#{secret}")
    client.queue("invited").label(public.dids[0], "emission")
    assert [label.labeller for label in public.log.current("invited")] == ["Eva"]
    with pytest.raises(UserError, match="no queue"):
        client.queue("nothing").next()
    client.close()


def test_a_widget_does_the_same(own: Labelled, client: Client) -> None:
    own.add_queue("widget", own.dids[:2])
    widget: LabelWidget = client.label_widget("widget")
    assert bytes(widget.picture.value).startswith(b"\x89PNG")
    widget.comment.value = "weak"
    widget.quality.value = 1
    widget.buttons["artefact"].click()
    widget.buttons["emission"].click()
    assert "nothing is left" in widget.text.value
    widget.buttons["undo"].click()
    assert bytes(widget.picture.value).startswith(b"\x89PNG")
    widget.buttons["nebular"].click()
    kept = own.log.current("widget")
    assert [(label.profile, label.quality, label.comment) for label in kept] == [
        ("artefact", 1, "weak"), ("nebular", 1, "")
    ]  # fmt: skip


def test_candidates_that_were_chosen_become_a_queue(own: Labelled, client: Client) -> None:
    sql = "SELECT TOP 5 obs_publisher_did, label, ra, dec FROM emline.scores ORDER BY candidate_id"
    chosen = client.adql(sql)[[3, 1]]  # as rows selected in TOPCAT are: service.search(…).samp().selection
    queue = client.make_queue(chosen, name="chosen")
    assert [item.publisher_did for item in own.queues.items("chosen")] == chosen.publisher_dids
    first = queue.next()
    assert first is not None
    assert first.publisher_did == chosen.publisher_dids[0]
    assert client.make_queue(own.dids[:2]).name.startswith("list")
    with pytest.raises(UserError, match="obs_publisher_did"):
        client.make_queue(client.adql("SELECT TOP 2 ra FROM emline.scores"))
    with pytest.raises(UserError, match="chosen"):
        client.make_queue(own.dids[:1], name="chosen")
