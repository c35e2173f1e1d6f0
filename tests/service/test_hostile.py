"""Hostile input: always a clean 4xx or an error document, never a 5xx, a file, another host or a hang."""

from __future__ import annotations

import random
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

SEED = 20261122
QUERY = "SELECT TOP 1 ra FROM emline.scores"
NASTY = [
    "",
    " ",
    "\x00",
    "\x01\x02",
    "\ud83d".encode("utf-16", "surrogatepass").decode("latin-1"),
    "'",
    '"',
    "--",
    "/*",
    ";",
    "SELECT",
    "SELECT 1; DROP TABLE emline.scores",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM pg_class",
    "SELECT * FROM release.internal.spectra",
    "SELECT * FROM internal.spectra",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_text('/etc/passwd')",
    "PRAGMA database_list",
    "COPY emline.scores TO '/tmp/x'",
    "SELECT getenv('HOME') AS x FROM emline.scores",
    "SELECT current_setting('memory_limit') AS x FROM emline.scores",
    "SELECT query('select 1') AS x FROM emline.scores",
    "(" * 5000,
    "SELECT " + "(" * 2000 + "1" + ")" * 2000 + " FROM emline.scores",
    "SELECT ra FROM emline.scores WHERE " + "NOT " * 5000 + "ra = 1",
    "SELECT " + ",".join(["ra"] * 5000) + " FROM emline.scores",
    "SELECT ra FROM emline.scores WHERE label IN (" + ",".join(["'x'"] * 20_000) + ")",
    "SELECT '" + "x" * 500_000 + "' AS a FROM emline.scores",
    "SELECT 9999999999999999999999999 AS a FROM emline.scores",
    "SELECT 1/0 AS a FROM emline.scores",
    "SELECT 1e999 AS a FROM emline.scores",
    "SELECT CAST('x' AS INTEGER) AS a FROM emline.scores",
    "SELECT POWER(10, 400) AS a FROM emline.scores",
]
LETTERS = [
    "SELECT",
    "FROM",
    "WHERE",
    "AND",
    "OR",
    "NOT",
    "(",
    ")",
    ",",
    "*",
    "'",
    '"',
    ".",
    ";",
    "--",
    "/*",
    "*/",
    "=",
    "<",
    ">",
    "1",
    "1e9",
    "ra",
    "emline.scores",
    "λ",
    "\x00",
    "\x7f",
    "%",
    "_",
    "TOP",
]


def clean(answer: httpx.Response) -> None:
    """Check that an answer is rows or a refusal, and no more."""
    assert answer.status_code in (200, 400, 404, 405, 413, 414, 422), (answer.status_code, answer.text[:500])
    assert "Traceback" not in answer.text
    assert "root:x:0" not in answer.text


@pytest.mark.parametrize("place", range(len(NASTY)))
def test_nasty_queries_are_answered_cleanly_and_soon(served: Any, place: int) -> None:
    start = time.monotonic()
    answer = httpx.post(
        f"{served.tap}/sync", data={"LANG": "ADQL", "QUERY": NASTY[place], "MAXREC": "5"}, timeout=30
    )
    clean(answer)
    assert time.monotonic() - start < 10


def test_random_words_are_answered_cleanly(served: Any) -> None:
    dice = random.Random(SEED)
    answers = []
    with httpx.Client() as client:
        for _ in range(300):
            words = dice.choices(LETTERS, k=dice.randint(1, 30))
            data = {"LANG": "ADQL", "QUERY": " ".join(words), "MAXREC": "5"}
            answers.append(client.post(f"{served.tap}/sync", data=data))
            clean(answers[-1])
    assert {answer.status_code for answer in answers} == {400}


def test_random_parameters_are_answered_cleanly(served: Any) -> None:
    dice = random.Random(SEED + 1)
    names = [
        "QUERY",
        "LANG",
        "MAXREC",
        "FORMAT",
        "RESPONSEFORMAT",
        "UPLOAD",
        "PHASE",
        "RUNID",
        "REQUEST",
        "ID",
        "WAIT",
        "LAST",
        "AFTER",
        "DESTRUCTION",
        "EXECUTIONDURATION",
        "ACTION",
        "DETAIL",
        "\x00",
        "",
    ]
    values = [
        QUERY,
        "ADQL",
        "-1",
        "1e9",
        "9" * 400,
        "\x00",
        "../../etc/passwd",
        "t,param:t",
        "t,http://[::1",
        "t,http://localhost/",
        "RUN",
        "ABORT",
        "DELETE",
        "2026-99-99",
        "<a>",
        "λ",
        "%00",
        "votable",
        "text/html",
    ]
    with httpx.Client() as client:
        job = client.post(f"{served.tap}/async", data={"LANG": "ADQL"}).headers["location"]
        paths = [
            f"{served.tap}/{each}"
            for each in ("sync", "async", "tables", "capabilities", "examples", "tables/x")
        ]
        paths += [
            job,
            *(
                f"{job}/{each}"
                for each in ("phase", "destruction", "executionduration", "parameters", "error")
            ),
        ]
        for _ in range(300):
            chosen = {dice.choice(names): dice.choice(values) for _ in range(dice.randint(0, 5))}
            answer = client.request(
                dice.choice(["GET", "POST"]), dice.choice(paths), **{dice.choice(["params", "data"]): chosen}
            )
            assert answer.status_code in (200, 303, 400, 404, 405), (answer.status_code, answer.text[:300])


@pytest.mark.parametrize(
    "path",
    [
        "/../../../etc/passwd",
        "/tap/../../etc/passwd",
        "/tap/tables/..%2f..%2fetc%2fpasswd",
        "/tap/async/..%2f..%2flock",
        "/tap/async/x/results/..%2f..%2f..%2fjobs.sqlite",
        "/tap/async/%00",
        "/tap/tables/%00",
        "//etc/passwd",
        "/tap/async/" + "a" * 5000,
        "/static/../service/config.py",
    ],
)
def test_tricks_with_paths_lead_nowhere(served: Any, path: str) -> None:
    parts = urlsplit(served.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))
    assert b"root:" not in answer
    assert b"SQLite" not in answer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        b"--x\r\n",
        b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--",
        b'--x\r\nContent-Disposition: form-data; name="QUERY"; filename="\x00"\r\n\r\nSELECT\r\n--x--',
        b'--x\r\nContent-Disposition: form-data; name="QUERY"\r\n\r\n' + b"y" * 5_000_000 + b"\r\n--x--",
        b"".join(b'--x\r\nContent-Disposition: form-data; name="a%d"\r\n\r\n1\r\n' % n for n in range(2000))
        + b"--x--",
    ],
)
def test_broken_forms_are_refused(served: Any, body: bytes) -> None:
    for headers in (
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "multipart/form-data"},
    ):
        answer = httpx.post(f"{served.tap}/sync", content=body, headers=headers)
        clean(answer)
        assert answer.status_code >= 400


def test_the_host_header_does_not_choose_our_addresses(served: Any) -> None:
    answer = httpx.get(
        f"{served.tap}/capabilities", headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    )
    assert "evil" not in answer.text
    answer = httpx.post(f"{served.tap}/async", data={"LANG": "ADQL"}, headers={"Host": "evil.example"})
    assert answer.headers["location"].startswith(served.tap)


def test_the_service_is_well_after_all_this(served: Any) -> None:
    assert served.rows("SELECT COUNT(*) AS n FROM emline.scores") == [[200]]
