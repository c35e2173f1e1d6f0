"""Who may label: the user of this computer, who is invited, whom a proxy names; others find nothing."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from service.config import Settings
from service.errors import QuotaError
from service.labelling.context import Rate
from service.labelling.people import People, Role
from vo_emline.errors import UserError

PATHS = ("/label", "/label/queue/q", "/label/api/queues", "/label/api/queues/q/next", "/label/enter/abc")


@pytest.mark.parametrize("path", [*PATHS, "/label/api/labels"])
def test_strangers_find_what_they_find_at_a_wrong_address(public: Any, served: Any, path: str) -> None:
    for url in (served.url, public.url):
        for method in ("GET", "POST", "PUT"):
            answer = httpx.request(method, url + path)
            assert answer.status_code == 404
            assert answer.text == f"Not Found: {method} {path}\n"
    assert 'href="./label"' not in httpx.get(public.url).text


def test_ones_own_computer_needs_no_word(own: Any) -> None:
    assert own.get("/label").status_code == 200
    assert 'href="./label"' in own.get("/").text
    policy = own.get("/label").headers["content-security-policy"]
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:80"},  # a name that was made to lead here
        {"X-Forwarded-For": "203.0.113.7"},
        {"Forwarded": "for=203.0.113.7"},
    ],
)
def test_what_comes_through_a_proxy_or_another_name_is_not_the_only_user(own: Any, headers: Any) -> None:
    assert own.get("/label/api/queues", **headers).status_code == 404


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_pages_of_other_sites_neither_read_nor_write(own: Any, label: Any, headers: dict[str, str]) -> None:
    before = own.log.count()
    assert own.get("/label/api/queues", **headers).status_code == 403
    assert own.post("/label/api/labels", [label(own.dids[0])], **headers).status_code == 403
    assert own.log.count() == before


def test_a_form_is_no_way_to_label(own: Any) -> None:
    answer = httpx.post(f"{own.url}/label/api/labels", content="[]", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 400


def test_an_invitation_lets_in_until_it_is_revoked(public: Any) -> None:
    invitation, secret = public.people.invite("Zdena", Role.LABELLER)
    assert public.get(f"/label/enter/{invitation}").status_code == 200
    wrong = public.post("/label/api/enter", {"invitation": invitation, "secret": "wrong"})
    assert wrong.status_code == 404
    answer = public.post("/label/api/enter", {"invitation": invitation, "secret": secret})
    (cookie,) = answer.headers.get_list("set-cookie")
    assert {"HttpOnly", "SameSite=strict", "Path=/label"} <= set(cookie.split("; "))
    assert "You label as Zdena" in public.get("/label", cookies=dict(answer.cookies)).text
    assert public.people.revoke("Zdena") == 1
    assert public.get("/label", cookies=dict(answer.cookies)).status_code == 404
    assert public.get(f"/label/enter/{invitation}").status_code == 404


def test_secrets_are_written_nowhere(public: Any) -> None:
    _, secret = public.people.invite("Jan", Role.OWNER)
    session = public.invited("Jan")["vo_emline_label"]
    written = b"".join(path.read_bytes() for path in public.folder.iterdir())
    assert b"Jan" in written
    assert secret.encode() not in written
    assert session.encode() not in written


def test_only_over_https_does_the_cookie_go_where_the_service_is_https(start_labelled: Any) -> None:
    served = start_labelled(public_url="https://example.org/emline")
    invitation, secret = served.people.invite("Eva", Role.LABELLER)
    answer = served.post("/label/api/enter", {"invitation": invitation, "secret": secret})
    (cookie,) = answer.headers.get_list("set-cookie")
    assert {"Secure", "Path=/emline/label"} <= set(cookie.split("; "))


def test_a_proxy_names_who_may(start_labelled: Any) -> None:
    rules = {"user_header": "X-User", "label_users": ("ann",), "label_owners": ("otto",), "host": "0.0.0.0"}
    served = start_labelled(**rules)
    assert [served.get("/label", **{"X-User": name}).status_code for name in ("ann", "otto", "bob", "")] == [
        200,
        200,
        404,
        404,
    ]
    elsewhere = start_labelled(**rules, proxies=("192.0.2.1",))
    assert elsewhere.get("/label", **{"X-User": "ann"}).status_code == 404


@pytest.mark.parametrize(
    ("settings", "one"),
    [
        ({}, True),
        ({"public_url": "http://localhost:8000"}, True),
        ({"host": "0.0.0.0", "public_url": "http://localhost:8000"}, False),
        ({"public_url": "https://example.org/emline"}, False),
    ],
)
def test_a_service_is_for_one_user_where_nobody_else_can_reach_it(settings: Any, one: bool) -> None:
    assert Settings(**settings).one_user is one


def test_faster_than_anybody_labels_is_refused_and_then_goes_on() -> None:
    rate = Rate(10, 5)
    for _ in range(5):
        rate.take("a", now=100.0)
    with pytest.raises(QuotaError):
        rate.take("a", now=100.0)
    rate.take("b", now=100.0)
    rate.take("a", now=100.2)


def test_an_old_invitation_opens_nothing(tmp_path: Any) -> None:
    people = People(tmp_path / "people.sqlite")
    invitation, secret = people.invite("Eva", Role.LABELLER, days=-1)
    assert not people.is_open(invitation)
    assert people.accept(invitation, secret) is None
    with pytest.raises(UserError, match="name"):
        people.invite("a\nb", Role.LABELLER)
    assert (tmp_path / "people.sqlite").stat().st_mode & 0o077 == 0
    people.close()
