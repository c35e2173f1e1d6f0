"""What the service says about itself: the same in every place, and valid."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from lxml import etree

from service.tap.examples import EXAMPLES
from vo_emline.candidates.columns import CANDIDATES

XSI = "{http://www.w3.org/2001/XMLSchema-instance}"


def get(served: Any, path: str, **parameters: str) -> etree._Element:
    """Get a document."""
    answer = httpx.get(f"{served.tap}/{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] in ("application/xml", "application/xhtml+xml")
    return etree.fromstring(answer.content)


def test_capabilities_name_every_service_by_full_addresses(served: Any) -> None:
    root = get(served, "capabilities")
    urls = {item.get("standardID"): item.findtext(".//accessURL") for item in root}
    assert urls["ivo://ivoa.net/std/TAP"] == served.tap
    for name in ("capabilities", "availability", "tables"):
        assert urls[f"ivo://ivoa.net/std/VOSI#{name}"] == f"{served.tap}/{name}"
    tap = root[0]
    assert tap.get(f"{XSI}type") == "tr:TableAccess"
    assert (tap.find("interface").get("version"), tap.find("interface").get("role")) == ("1.1", "std")


def test_capabilities_state_the_limits_of_the_settings(served: Any) -> None:
    tap, settings = get(served, "capabilities")[0], served.services.settings
    limits = {
        name: (tap.findtext(f"{name}/default"), tap.findtext(f"{name}/hard"))
        for name in ("outputLimit", "executionDuration", "retentionPeriod", "uploadLimit")
    }
    assert limits == {
        "outputLimit": (str(settings.rows_default), str(settings.rows_hard)),
        "executionDuration": (str(settings.job_seconds_default), str(settings.job_seconds_hard)),
        "retentionPeriod": (
            str(settings.retention_days_default * 86400),
            str(settings.retention_days_hard * 86400),
        ),
        "uploadLimit": (None, str(settings.upload_rows)),
    }


def test_every_declared_format_and_alias_is_delivered(served: Any) -> None:
    names = [item.text for kind in ("mime", "alias") for item in get(served, "capabilities").iter(kind)]
    assert len(names) >= 16
    for name in names:
        assert served.sync("SELECT TOP 1 ra FROM emline.scores", RESPONSEFORMAT=name).status_code == 200


def test_the_service_is_available(served: Any) -> None:
    root = get(served, "availability")
    assert root[0].text == "true"
    assert root[1].text.endswith("Z")


def test_tables_and_tap_schema_say_the_same(served: Any) -> None:
    root = get(served, "tables")
    listed = [
        (table.findtext("name"), column.findtext("name"), column.findtext("dataType"),
         column.findtext("unit"), column.findtext("ucd"), column.findtext("utype"),
         column.findtext("description"),
         column.find("dataType").get("arraysize"), column.find("dataType").get("extendedType"))
        for table in root.iter("table") for column in table.iter("column")
    ]  # fmt: skip
    queried = served.rows(
        "SELECT table_name, column_name, datatype, unit, ucd, utype, description, arraysize, xtype "
        "FROM tap_schema.columns"
    )
    assert sorted(listed, key=str) == sorted(map(tuple, queried), key=str)
    assert ("emline.candidates", "ra") in {row[:2] for row in listed}


def test_texts_are_escaped_once(served: Any) -> None:
    found = [item.text for item in get(served, "tables").iter("description")]
    assert CANDIDATES["score"].description in found
    assert not any("&amp;" in text or "&lt;" in text for text in found)


def test_detail_min_leaves_the_columns_to_later(served: Any) -> None:
    short = get(served, "tables", detail="min")
    assert list(short.iter("column")) == []
    assert len(list(short.iter("table"))) == len(list(get(served, "tables", DETAIL="max").iter("table")))
    assert httpx.get(f"{served.tap}/tables", params={"detail": "some"}).status_code == 400


def test_each_table_has_its_own_document(served: Any) -> None:
    names = [item.text for item in get(served, "tables", detail="min").iterfind(".//table/name")]
    for name in names:
        root = get(served, f"tables/{name}")
        assert root.findtext("name") == name
        assert list(root.iter("column"))


def test_the_reserved_word_of_tap_schema_is_written_with_quotes(served: Any) -> None:
    assert served.rows('SELECT TOP 1 "size" FROM tap_schema.columns') == [[None]]
    names = served.rows("SELECT column_name FROM tap_schema.columns WHERE column_name LIKE '%size%'")
    assert ['"size"'] in names


def test_keys_join_existing_columns(served: Any) -> None:
    query = (
        "SELECT k.from_table, c.from_column, k.target_table, c.target_column FROM tap_schema.keys AS k "
        "JOIN tap_schema.key_columns AS c ON k.key_id = c.key_id"
    )
    columns = {tuple(row) for row in served.rows("SELECT table_name, column_name FROM tap_schema.columns")}
    keys = served.rows(query)
    assert len(keys) >= 8
    for source, source_column, target, target_column in keys:
        assert {(source, source_column), (target, target_column)} <= columns


def test_examples_are_marked_up_for_clients_and_run(served: Any) -> None:
    root = get(served, "examples")
    body = root.find("{*}body")
    assert body.get("vocab") == "http://www.ivoa.net/rdf/examples#"
    examples = root.findall(".//*[@typeof='example']")
    assert len(examples) >= 6
    for example in examples:
        assert example.get("resource") == f"#{example.get('id')}"
        assert example.find(".//*[@property='name']").text
        query = example.find(".//*[@property='query']").text
        if "TAP_UPLOAD" not in query:
            answer = served.sync(query)
            assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "example", [each for each in EXAMPLES if each.key in ("best", "cone", "density", "audit")]
)
def test_examples_find_something(served: Any, example: Any) -> None:
    root = get(served, "examples")
    assert served.rows(root.find(f".//*[@id='{example.key}']//*[@property='query']").text)
