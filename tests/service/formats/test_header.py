"""What stands around the rows: legal identifiers, printable texts, and many at once."""

from __future__ import annotations

import gc
import io
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from astropy.io.votable import parse

from service.formats.header import frame, status_document, trailing_info
from vo_emline.candidates.votable import field_ids, printable
from vo_emline.tables import Column


def column(name: str) -> Column:
    """Make a column of texts."""
    return Column(name=name, datatype="char", arraysize="*", description="")


def test_identifiers_are_legal_and_unique() -> None:
    names = ["ra", "ra", "2mass", "odd name", "QUERY_STATUS", "_x", "λ", ""]
    assert field_ids([column(name) for name in names]) == [
        "ra", "col.1", "col.2", "col.3", "col.4", "_x", "col.6", "col.7",
    ]  # fmt: skip


def test_one_set_of_columns_costs_astropy_once(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = [column("kept"), column("kept too")]
    first = frame(columns, infos={"QUERY": "one"})
    monkeypatch.setattr("service.formats.header.VOTableFile", None)  # it would fail now
    again = frame(columns, infos={"QUERY": "two", "MORE": "x"})
    assert again[1] == first[1]
    document = parse(io.BytesIO(again[0] + b"</TABLE></RESOURCE>" + again[1]), verify="exception")
    assert [info.value for info in document.resources[0].infos] == ["OK", "two", "x"]
    assert [field.name for field in document.get_first_table().fields] == ["kept", "kept too"]


def test_a_frame_without_rows_is_a_document() -> None:
    before, after = frame([column('a "<&>" b\x00')], infos={"QUERY": "a < b\x00"})
    document = parse(io.BytesIO(before + b"</TABLE></RESOURCE>" + after), verify="exception")
    assert document.version == "1.4"
    assert document.get_first_table().fields[0].name == 'a "<&>" b\ufffd'
    assert {info.name: info.value for info in document.resources[0].infos} == {
        "QUERY_STATUS": "OK",
        "QUERY": "a < b\ufffd",
    }


@pytest.mark.parametrize("text", ["plain", "a < b & c", "\x00\x01", "\ud800", "]]>", "x" * 10_000, ""])
def test_errors_say_any_text(text: str) -> None:
    document = parse(io.BytesIO(status_document("ERROR", text, infos={})), verify="exception")
    (info,) = document.resources[0].infos
    assert (info.value, info.content or "") == ("ERROR", printable(text))


def test_the_trailing_info_is_one_line() -> None:
    assert trailing_info("OVERFLOW") == b'<INFO name="QUERY_STATUS" value="OVERFLOW"/>\n'
    assert trailing_info("ERROR", "a < b") == b'<INFO name="QUERY_STATUS" value="ERROR">a &lt; b</INFO>\n'


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Let threads take turns everywhere, also inside of calls into C that make objects, so that what can
    collide does: the garbage collector runs Python all the time."""
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()

    def linger(*_: object) -> None:
        time.sleep(0)

    sys.setswitchinterval(1e-6)
    gc.callbacks.append(linger)
    gc.set_threshold(20)
    yield
    gc.set_threshold(*threshold)
    gc.callbacks.remove(linger)
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("eager_threads")
def test_many_threads_make_headers_at_once() -> None:
    columns = [Column(name=f"v{n}", datatype="double", arraysize="3", description="") for n in range(30)]
    failures: list[Exception] = []

    def make() -> None:
        try:
            for _ in range(60):
                frame(columns, infos={})
        except Exception as error:  # noqa: BLE001 - a thread's failure must reach the test
            failures.append(error)

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
