"""Strange queries, requests and values: answered or refused, soon, and never by a fault of the service."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from itertools import product
from urllib.parse import urlsplit

import httpx
import pytest

from tests.hostile.conftest import Report, Target

SCORES = "emline.scores"
PRODUCT = f"{SCORES} AS a, {SCORES} AS b, {SCORES} AS c"
LONG = "x" * 3000
QUOTES = "'" * 90
LATE_S = 24
"""After which an answer is too late: the limit of a query (20 s), and some."""
GROWTH_MB = 100

REGIONS = [
    "POINT('ICRS', 1e308 * 10, 0)",
    "POINT('ICRS', 0, 1e300)",
    "CIRCLE('ICRS', 0, 0, 1e308)",
    "CIRCLE('ICRS', 0, 91, 1)",
    "CIRCLE('ICRS', LOG(-1), 0, 1)",
    "CIRCLE('ICRS', 0, 0, 0.0 / 0.0)",
    "BOX('ICRS', 0, 90, 400, 400)",
    "POLYGON('ICRS', 0, 0, 0, 0, 0, 0)",
    "POLYGON('ICRS', 0, 0, 180, 0, 360, 0)",
    "MOC('29/0-3458764513820540927')",
    "MOC('99/1')",
    "MOC('29/9999999999999999999999')",
    "MOC('-1/0')",
    f"MOC('29/{','.join(str(7 * cell) for cell in range(9000))}')",
    f"REGION('{'UNION (' * 500}')",
    "MOC(29, CIRCLE('ICRS', 0, 0, 180))",
    "MOC(99999999999, CIRCLE('ICRS', 0, 0, 1))",
]
"""Geometries that do not exist, or are endless."""

VALUES = [
    "POWER(10, ra * 100)",
    "LOG10(-1)",
    "SQRT(-ra)",
    "MOD(ra, 0)",
    "5 / 0",
    "ASIN(5)",
    "ROUND(ra, 99999999999)",
    "9223372036854775807 + 1",
    "CAST(1e300 AS SMALLINT)",
    "CAST('x' AS TIMESTAMP)",
    "1e-999",
    "RAND(-99999999999)",
    "SUM(ra * 1e308)",
    "IN_UNIT(ra, '10**9999999 m')",
    "IN_UNIT(ra, '10**9999999**9 m')",
    "IN_UNIT(ra, 'm**9999')",
    f"IN_UNIT(ra, '{'km.' * 20_000}m')",
    "IN_UNIT(ra, '10**999 m')",
    f"UPPER('{'ß' * 40_000}')",
    "||".join(["label"] * 3000),
    "+".join(["ra"] * 3000),
    "COALESCE(" * 500 + "ra" + ", 1)" * 500,
    "'\x01\x1b[31m\ufffe\uffff'",
    "CHAR(0)",
]
"""Values that overflow, are none, or take long to write down."""

WHOLE = [
    "ＳＥＬＥＣＴ ra FROM emline.scores",
    "SELECT ra FROM emlıne.scores",
    "SEL\u200bECT ra FROM emline.scores",
    f'SELECT ra AS "a]]>&<x\u202e" FROM {SCORES}',
    f"SELECT COUNT(*) AS n FROM {SCORES} WHERE '{'a' * 20_000}' LIKE '{'%a' * 2000}%b'",
    f"SELECT COUNT(*) AS n FROM {PRODUCT} WHERE '{'a' * 3000}' || a.label LIKE '{'%a' * 500}%b'",
    "SELECT COUNT(*) AS n FROM " + " NATURAL JOIN ".join([SCORES] * 30),
    f"SELECT a.ra, b.dec, c.ra, COUNT(*) AS n FROM {PRODUCT} GROUP BY a.ra, b.dec, c.ra ORDER BY n",
    f"SELECT RAND() AS r FROM {PRODUCT} ORDER BY r",
    f'SELECT ra AS "{LONG}", dec AS "ä", label AS "a\n\tb", snr_r AS "{QUOTES}" FROM {SCORES}',
    "WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM a",
    "SELECT ra FROM " + "(SELECT ra FROM " * 150 + SCORES + "".join(f") AS t{n}" for n in range(150)),
    f"SELECT ra FROM {SCORES} WHERE ra IN ({','.join(map(str, range(15_000)))})",
    f"SELECT ra FROM {SCORES} OFFSET 99999999999999999999",
    " UNION ALL ".join([f"SELECT ra FROM {SCORES}"] * 150),
]


def queries(full: bool) -> Iterator[str]:
    """Give all of them; a region in each place that it may stand in only in full."""
    yield from WHOLE
    yield from (f"SELECT {value} AS a FROM {SCORES}" for value in VALUES)
    for region in REGIONS:
        yield f"SELECT COUNT(*) AS n FROM {SCORES} WHERE 1 = INTERSECTS({region}, CIRCLE('ICRS', ra, dec, 1))"
        if full:
            yield f"SELECT COUNT(*) AS n FROM {SCORES} WHERE 1 = CONTAINS(POINT('ICRS', ra, dec), {region})"
            yield f"SELECT AREA({region}) AS a FROM {SCORES}"
            yield f"SELECT {region} AS a FROM {SCORES}"


def is_sound(answer: httpx.Response) -> bool:
    """Tell whether it is an answer or a refusal, or asks to come again."""
    return answer.status_code < 500 or (answer.status_code == 503 and "retry-after" in answer.headers)


def test_strange_queries_are_answered_or_refused(target: Target, full: bool, report: Report) -> None:
    formats = ["votable", "fits", "parquet", "json", "csv"] if full else ["votable"]
    before, worst, cases = target.memory(), 0.0, 0
    with httpx.Client(timeout=60) as client:
        for query, form in product(queries(full), formats):
            begun = time.monotonic()
            values = {"LANG": "ADQL", "QUERY": query, "MAXREC": "5", "RESPONSEFORMAT": form}
            answer = client.post(f"{target.url}/tap/sync", data=values)
            cases, seconds = cases + 1, time.monotonic() - begun
            worst = max(worst, seconds)
            assert is_sound(answer), (query[:300], form, answer.text[-300:])
            assert seconds < LATE_S, query[:300]
    grown = target.memory() - before
    report("strange queries", cases=cases, worst_seconds=worst, grown_mb=grown)
    assert grown < GROWTH_MB


@pytest.mark.parametrize("unit", ["10**9999999 m", "10**9999999**9 m", "km." * 20_000 + "m"])
def test_no_unit_takes_long_to_read(target: Target, unit: str) -> None:
    begun = time.monotonic()
    query = f"SELECT IN_UNIT(ra, '{unit}') AS a FROM {SCORES}"
    answer = httpx.post(f"{target.url}/tap/sync", data={"LANG": "ADQL", "QUERY": query}, timeout=60)
    assert answer.status_code == 400
    assert time.monotonic() - begun < 5


ODD = [
    "nan", "inf", "-inf", "1e999", "-1", "91", "361", "0x10", "٣", "1,2", "' OR 1=1", "\x00", "9" * 400,
    "1/", "+",
    "9999-12-31T23:59:59.999999999Z", "2026-01-01T00:00:00+99:99", "../../etc/passwd", "<script>",
]  # fmt: skip
PARAMETERS = {
    "/scs": ("RA", "DEC", "SR", "VERB"),
    "/ssa": ("POS", "SIZE", "BAND", "TIME", "FORMAT", "MAXREC", "SNR", "SPECRP", "REQUEST", "PUBDID", "TOP"),
    "/datalink/links": ("ID", "RESPONSEFORMAT", "MAXREC"),
    "/spectrum": ("ID", "BAND", "FORMAT"),
    "/preview.png": ("ID", "width", "height"),
    "/oai": ("verb", "resumptionToken", "metadataPrefix", "from", "until", "set", "identifier"),
    "/candidates": ("show", "q", "sort", "page", "label", "ra", "dec", "radius", "n"),
    "/": ("q",),
    "/tap/async": ("LAST", "AFTER", "PHASE"),
    "/tap/tables": ("detail", "DETAIL"),
}
"""What is asked with values that are out of range, or none."""
NEEDED = {
    "/scs": {"RA": "10", "DEC": "10", "SR": "1"},
    "/ssa": {"REQUEST": "queryData"},
    "/oai": {"verb": "ListRecords", "metadataPrefix": "ivo_vor"},
}


def test_values_out_of_range_are_refused_everywhere(target: Target, full: bool, report: Report) -> None:
    worst, cases = 0.0, 0
    with httpx.Client(timeout=60) as client:
        for path, names in PARAMETERS.items():
            for name, value in product(names, ODD if full else ODD[::3]):
                begun = time.monotonic()
                answer = client.get(f"{target.url}{path}", params={**NEEDED.get(path, {}), name: value})
                cases, worst = cases + 1, max(worst, time.monotonic() - begun)
                assert is_sound(answer), (path, name, value, answer.text[-300:])
                assert "Traceback" not in answer.text
                assert "root:" not in answer.text
    report("values out of range", cases=cases, worst_seconds=worst)
    assert worst < LATE_S


POST = b"POST /tap/sync HTTP/1.1\r\nHost: x\r\n"
NEXT = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
WIRE = {
    "length and chunks": (POST + b"Content-Length: 4\r\n" + CHUNKED + b"0\r\n\r\n" + NEXT, ["400"]),
    "unknown coding": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + NEXT, ["400", "501"]),
    "two lengths": (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", ["400"]),
    "negative length": (POST + b"Content-Length: -5\r\n\r\nabc", ["400"]),
    "endless length": (POST + b"Content-Length: 99999999999999999999999\r\n\r\nabc", ["400", "413"]),
    "negative chunk": (POST + CHUNKED + b"-1\r\nabc\r\n0\r\n\r\n", ["400"]),
    "trailers": (
        POST + b"Connection: close\r\n" + CHUNKED + b"0\r\nContent-Length: 5\r\nHost: y\r\n\r\n",
        ["400"],
    ),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", ["400"]),
    "no version": (b"GET /\r\n\r\n", ["400"]),
    "zero in the path": (b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", ["400"]),
    "no text in the path": (
        b"GET /%ff%fe?%ff=%fe&q=%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        ["404"],
    ),
    "another host in the path": (
        b"GET http://y/none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        ["404"],
    ),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", ["400"]),
}
"""What is sent, and the statuses of which its one answer has one: what follows is no request of its own."""


def statuses(target: Target, sent: bytes) -> list[str]:
    """Send bytes, and give the statuses of the answers that come until the service hangs up."""
    parts = urlsplit(target.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=LATE_S) as client:
        client.sendall(sent)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    return [found.decode() for found in re.findall(rb"^HTTP/1\.1 (\d+)", answer, re.MULTILINE)]


@pytest.mark.parametrize("name", WIRE)
def test_a_request_with_two_ends_is_refused_and_the_connection_closed(target: Target, name: str) -> None:
    sent, expected = WIRE[name]
    found = statuses(target, sent)
    assert len(found) == 1
    assert found[0] in expected


def test_requests_sent_at_once_are_answered_in_turn(target: Target) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    assert statuses(target, one * 100 + NEXT) == ["200"] * 101


def part(name: str, value: str = "1", more: str = "") -> bytes:
    """Give one part of a form."""
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'.encode()


BODIES = {
    "many fields": (
        b"".join(part(f"a{n}") for n in range(20_000)) + b"--x--",
        "multipart/form-data; boundary=x",
    ),
    "many files": (
        b"".join(part(f"f{n}", more='; filename="f"') for n in range(20_000)) + b"--x--",
        "multipart/form-data; boundary=x",
    ),
    "no boundary": (b"a" * 1_000_000, "multipart/form-data"),
    "long boundary": (b"x", f"multipart/form-data; boundary={'b' * 60_000}"),
    "long name": (part("n" * 3_000_000) + b"--x--", "multipart/form-data; boundary=x"),
    "many headers": (
        b"--x\r\n" + b"X: y\r\n" * 200_000 + b"\r\n1\r\n--x--",
        "multipart/form-data; boundary=x",
    ),
    "forms in forms": (
        b"--x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" * 10_000,
        "multipart/form-data; boundary=x",
    ),
    "nothing but &": (b"&" * 3_000_000, "application/x-www-form-urlencoded"),
    "nothing but %": (b"%" * 1_000_000, "application/x-www-form-urlencoded"),
    "unknown letters": (b"QUERY=x", "application/x-www-form-urlencoded; charset=utf-99"),
}


def test_forms_that_swell_leave_no_trace(target: Target, full: bool, report: Report) -> None:
    before, worst, cases = target.memory(), 0.0, 0
    with httpx.Client(timeout=60) as client:
        for _ in range(5 if full else 1):
            for path, (body, kind) in product(("/tap/sync", "/ssa"), BODIES.values()):
                begun = time.monotonic()
                answer = client.post(f"{target.url}{path}", content=body, headers={"Content-Type": kind})
                cases, worst = cases + 1, max(worst, time.monotonic() - begun)
                assert is_sound(answer), (path, kind, answer.text[-300:])
    grown = target.memory() - before
    report("forms", cases=cases, worst_seconds=worst, grown_mb=grown)
    assert worst < LATE_S
    assert grown < GROWTH_MB
