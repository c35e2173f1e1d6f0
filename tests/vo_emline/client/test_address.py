from urllib.parse import parse_qs, urlsplit

import pytest

from vo_emline.client.address import ServiceAddress
from vo_emline.errors import UserError


@pytest.mark.parametrize(
    "text",
    [
        "http://h:8080",
        "http://h:8080/",
        "http://h:8080/tap",
        "http://h:8080/tap/",
        "http://h:8080/tap/sync",
        " http://h:8080",
    ],
)
def test_page_and_tap_address_are_both_accepted(text: str) -> None:
    assert ServiceAddress.parse(text).tap == "http://h:8080/tap"


def test_a_service_below_a_path() -> None:
    assert ServiceAddress.parse("https://data.org/emline/tap").capabilities == (
        "https://data.org/emline/tap/capabilities"
    )


def test_without_address_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ServiceAddress.parse(None).base == "http://localhost:8000"
    monkeypatch.setenv("VO_EMLINE_SERVICE", "http://elsewhere/tap")
    assert ServiceAddress.parse(None).base == "http://elsewhere"


@pytest.mark.parametrize("text", ["localhost:8080", "ftp://h/", "run1", "http://"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="not the address of a service"):
        ServiceAddress.parse(text)


def test_queries_and_identifiers_are_encoded() -> None:
    address = ServiceAddress.parse("http://h")
    query = parse_qs(urlsplit(address.query("SELECT 'a&b'", maxrec=7)).query)
    assert query == {"REQUEST": ["doQuery"], "LANG": ["ADQL"], "QUERY": ["SELECT 'a&b'"], "MAXREC": ["7"]}
    spectrum = parse_qs(urlsplit(address.spectrum("ivo://x/~?a/b", {"FORMAT": "fits"})).query)
    assert spectrum == {"ID": ["ivo://x/~?a/b"], "FORMAT": ["fits"]}
