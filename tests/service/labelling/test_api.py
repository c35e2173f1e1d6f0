"""The JSON of labelling: blind, idempotent, each spectrum to one person, and everybody's labels their own."""

from __future__ import annotations

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from astropy.table import Table

from service.labelling.people import Role
from vo_emline.preprocess import GRID

TELLING = ("label", "score", "probab", "flag", "predict", "profile", "emission")
"""What no answer to somebody who labels blind may speak of."""


def test_what_comes_next_tells_nothing_of_what_was_found(start_labelled: Any, archive: Any) -> None:
    served = start_labelled(archive.folder / "release.duckdb")
    dids = [archive.dids[name] for name in ("ondrejov", "dr1", "dr10", "vanished", "raw")]
    served.add_queue("q", dids)
    answer = served.get("/label/api/queues/q/next?n=5")
    items = answer.json()["items"]
    assert [item["publisher_did"] for item in items] == dids
    said = str([{**item, "flux": 0} for item in items]).lower()
    assert not [word for word in TELLING if word in said]
    emission, absorption = items[0]["flux"], items[1]["flux"]
    at = int(abs(GRID - 6564.614).argmin())
    assert len(emission) == len(absorption) == len(items[0]["wave"]) == 140
    assert emission[at] == pytest.approx(3.0, abs=0.15)  # the continuum is one, the line two above it
    assert absorption[at] == pytest.approx(0.5, abs=0.05)
    assert items[3]["flux"] is None  # its file has vanished


def test_a_label_is_stored_once_as_that_of_who_sent_it(own: Any, label: Any) -> None:
    own.add_queue("once", own.dids[:3])
    did = own.dids[0]
    given = label(did, queue="once", labeller="somebody else", blind=True, view="halpha", seconds=1.5)
    first = own.post("/label/api/labels", [given]).json()
    again = own.post("/label/api/labels", [given, given]).json()
    assert (first["stored"], first["known"]) == (1, 0)
    assert (again["stored"], again["known"]) == (0, 2)
    assert first["progress"]["once"] == again["progress"]["once"]  # whoever sent them, one is labelled
    assert first["progress"]["once"]["mine"] == 1
    assert (
        own.get("/label/api/queues/once/next?n=1").json()["progress"]["as_of"]
        >= first["progress"]["once"]["as_of"]
    )
    (kept,) = own.log.current(queue="once")
    assert kept.labeller != "somebody else"
    assert kept.predicted == first["predictions"][did]["label"]
    assert kept.model_version == "1"
    rows = {row["name"]: row for row in own.get("/label/api/queues").json()}
    assert (rows["once"]["labelled"], rows["once"]["mine"], rows["once"]["size"]) == (1, 1, 3)


def test_what_was_labelled_last_can_be_taken_back(own: Any, label: Any) -> None:
    own.add_queue("back", own.dids[:5])
    given = [label(did, queue="back") for did in own.dids[:2]]
    own.post("/label/api/labels", given)
    earlier = own.get("/label/api/queues/back/earlier?n=1").json()["labels"]
    assert earlier[0]["label"]["label_id"] == given[1]["label_id"]
    assert earlier[0]["item"]["publisher_did"] == own.dids[1]
    undo = label(own.dids[1], "", queue="back", undoes=given[1]["label_id"])
    assert own.post("/label/api/labels", [undo]).json()["stored"] == 1
    upcoming = own.get("/label/api/queues/back/next?n=9").json()["items"]
    assert own.dids[1] in [item["publisher_did"] for item in upcoming]


def test_a_skipped_spectrum_comes_last(own: Any) -> None:
    own.add_queue("skipping", own.dids[:4])
    own.post("/label/api/queues/skipping/skip", {"publisher_did": own.dids[0]})
    items = own.get("/label/api/queues/skipping/next?n=9").json()["items"]
    assert [item["publisher_did"] for item in items] == [*own.dids[1:4], own.dids[0]]


def test_two_people_never_get_the_same_spectrum(public: Any) -> None:
    public.add_queue("shared", public.dids[:60])
    cookies = [public.invited(name) for name in ("Eva", "Jan")]

    def take(cookie: dict[str, str]) -> set[str]:
        path = "/label/api/queues/shared/next?n=20"
        return {item["publisher_did"] for item in public.get(path, cookies=cookie).json()["items"]}

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(take, cookies * 4))
    ones, others = set().union(*found[::2]), set().union(*found[1::2])
    assert len(ones) == len(others) == 20
    assert not ones & others


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        ({}, 400, "array"),
        ([{"profile": "emission"}], 400, "lacks publisher_did"),
        ([{"publisher_did": "x", "profile": "galaxy"}], 400, "galaxy"),
        ([{"publisher_did": "x", "profile": "emission", "colour": 1}], 400, "colour"),
        ([7], 400, "object"),
        ([{}] * 1001, 413, "1000"),
    ],
)
def test_what_is_wrong_with_labels_is_said(own: Any, given: Any, status: int, said: str) -> None:
    answer = own.post("/label/api/labels", given)
    assert answer.status_code == status
    assert said in answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("queues/none/next", 404),
        ("queues/none/earlier", 404),
        ("queues/once/next?n=0", 400),
        ("queues/once/next?n=many", 400),
        ("prediction", 400),
        ("prediction?did=ivo://nowhere", 404),
    ],
)
def test_what_is_wrong_with_a_question_is_said(own: Any, path: str, status: int) -> None:
    answer = own.get(f"/label/api/{path}")
    assert answer.status_code == status
    assert answer.json()["error"]


def test_more_is_there_when_it_is_asked_for(own: Any) -> None:
    did = own.dids[-1]
    assert own.get(f"/label/api/prediction?did={did}").json().keys() == {"label", "score", "model_version"}
    assert own.get(f"/label/api/epochs?did={did}").json() == {"epochs": []}
    assert own.get("/label/api/expected?did=ivo://nowhere").json() == {"expected": None}


def test_who_asks_too_often_is_told_when_to_come_again(public: Any) -> None:
    cookie = public.invited("Hasty")
    with httpx.Client(base_url=public.url, cookies=cookie) as client:
        answers = [client.get("/label/api/epochs") for _ in range(150)]
    late = [answer for answer in answers if answer.status_code == 429]
    assert late
    assert int(late[0].headers["retry-after"]) > 0


def test_a_queue_is_made_judged_and_taken_along(start_labelled: Any, label: Any) -> None:
    served = start_labelled()
    asked = {"kind": "audit", "name": "how-good", "size": 40, "seed": 7}
    made = served.post("/label/api/queues", asked)
    assert made.status_code == 201
    assert (made.json()["kind"], made.json()["seed"]) == ("audit", 7)
    again = served.post("/label/api/queues", asked)
    assert again.status_code == 400
    assert "how-good" in again.json()["error"]
    items = served.get("/label/api/queues/how-good/next?n=100").json()["items"]
    before = served.get("/label/api/queues/how-good/estimates").json()
    assert before["estimates"]["precision"]["value"] is None
    labels = [
        label(item["publisher_did"], ("emission", "absorption")[number % 2], queue="how-good")
        for number, item in enumerate(items)
    ]
    assert served.post("/label/api/labels", labels).json()["stored"] == len(items)
    report = served.get("/label/api/queues/how-good/estimates").json()
    low, high = report["estimates"]["precision"]["interval"]
    assert 0 < low < report["estimates"]["precision"]["value"] < high < 1
    assert report["estimates"]["labelled"] == len(items)
    taken = served.get("/label/api/export?queue=how-good&format=csv")
    rows = list(csv.DictReader(io.StringIO(taken.text)))
    assert [row["profile"] for row in rows] == [given["profile"] for given in labels]
    assert taken.headers["content-disposition"] == 'attachment; filename="labels-how-good.csv"'
    table = Table.read(
        io.BytesIO(served.get("/label/api/export?format=vot&rows=log").content), format="votable"
    )
    assert set(table["label_id"]) == {given["label_id"] for given in labels}


def test_only_owners_make_queues_and_see_the_labels_of_others(public: Any, label: Any) -> None:
    eva, jan = (public.invited(name) for name in ("Eva", "Jan"))
    otto = public.invited("Otto", Role.OWNER)
    wanted = {"kind": "list", "name": "theirs", "names": public.dids[100:110]}
    assert public.post("/label/api/queues", wanted, cookies=eva).status_code == 403
    assert "Make a queue" not in public.get("/label", cookies=eva).text
    assert public.post("/label/api/queues", wanted, cookies=otto).status_code == 201
    for number, cookie in enumerate((eva, jan)):
        given = [label(public.dids[100 + number], queue="theirs")]
        assert public.post("/label/api/labels", given, cookies=cookie).json()["stored"] == 1
    path = "/label/api/export?rows=log&queue=theirs"
    found = [
        {row["labeller"] for row in csv.DictReader(io.StringIO(public.get(path, cookies=cookie).text))}
        for cookie in (eva, jan, otto)
    ]
    assert found == [{"Eva"}, {"Jan"}, {"Eva", "Jan"}]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "kind"),
        ({"kind": "list"}, "name the spectra"),
        ({"kind": "list", "names": ["nobody"]}, "none of"),
        ({"kind": "audit", "size": "many"}, "size"),
        ({"kind": "audit", "size": 10, "name": "a/b"}, "name"),
    ],
)
def test_what_is_wrong_with_a_queue_is_said(own: Any, given: Any, said: str) -> None:
    answer = own.post("/label/api/queues", given)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
