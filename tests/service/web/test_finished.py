"""Pages that are kept: given again as they are, within bounds, and only while their release is served."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest

from service.finished import Finished, FinishedAnswers, page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.store import ReleaseStore


class Store:
    """Lends whatever release is served now."""

    def __init__(self) -> None:
        self.release = type("Release", (), {})()

    @contextmanager
    def lease(self) -> Iterator[Any]:
        yield self.release


def kept(answers: FinishedAnswers, store: Store, key: str, text: str) -> str:
    given, _ = answers.make(cast("ReleaseStore", store), key, lambda: page(text))
    return given.content.decode()


def test_an_answer_is_made_once_of_each_release() -> None:
    answers, store = FinishedAnswers(1000), Store()
    assert kept(answers, store, "/", "old") == kept(answers, store, "/", "other") == "old"
    store.release = type("Release", (), {})()
    assert kept(answers, store, "/", "new") == "new"


def test_no_more_is_kept_than_may_be() -> None:
    answers, store = FinishedAnswers(1000), Store()
    for number in range(50):
        kept(answers, store, str(number), "x" * 100)
        assert answers.held <= 1000
        kept(answers, store, "0", "y" * 100)  # what is asked again and again stays
    assert kept(answers, store, "0", "again") == "x" * 100
    assert kept(answers, store, "1", "made again") == "made again"
    kept(answers, store, "large", "z" * 126)
    assert kept(answers, store, "large", "not kept") == "not kept"


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_what_is_not_to_be_kept_is_made_each_time(seconds: float) -> None:
    answers, store = FinishedAnswers(1000), cast("ReleaseStore", Store())
    made = [
        answers.make(store, "/", lambda text=text: Finished(content=text, seconds=seconds))[0].content  # type: ignore[misc]
        for text in (b"a", b"b")
    ]
    assert made == [b"a", b"b"]


@pytest.mark.parametrize(
    "path", ["/", "/candidates?label=emission", "/sky", "/sky.moc.json", "/sky.moc.fits"]
)
def test_who_has_a_page_hears_that_nothing_changed(served: Any, path: str) -> None:
    first = httpx.get(served.url + path)
    tag = first.headers["etag"]
    assert first.status_code == 200
    assert first.headers["cache-control"] == "no-cache"
    for said in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = httpx.get(served.url + path, headers={"If-None-Match": said})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    changed = httpx.get(served.url + path, headers={"If-None-Match": '"other"'})
    assert (changed.status_code, changed.content) == (200, first.content)


def test_what_differs_is_told_apart(served: Any) -> None:
    pages = {
        query: httpx.get(f"{served.url}/candidates?{query}").text
        for query in ("", "q=a&q=b", "q=b&q=a", "q=%20", "label=emission", "show=gallery", "all=1", "page=2")
    }
    assert pages[""] == pages["q=%20"]
    assert len(set(pages.values())) == len(pages) - 1


def test_mistakes_are_not_kept(served: Any) -> None:
    for _ in range(2):
        answer = httpx.get(f"{served.url}/candidates?label=nonsense")
        assert answer.status_code == 400
        assert "etag" not in answer.headers
