"""Asking a TAP service over HTTP and taking the time."""

from __future__ import annotations

import contextlib
import http.client
import re
import statistics
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode, urlsplit

import numpy as np

TIMEOUT_S: Final = 300
EVERYTHING: Final = 10_000_000
"""MAXREC."""


@dataclass(frozen=True)
class Server:
    """A TAP service and the table to ask."""

    tap: str
    table: str


@dataclass(frozen=True)
class Request:
    """One line of the table."""

    name: str
    query: str
    """``{table}`` stands for the table of the server."""
    output: str = "votable/b2"
    upload: bytes = b""
    slow: bool = False
    """Whether a few repeats are enough."""


@dataclass(frozen=True)
class Timing:
    """Medians, s, and the size of the answer, bytes."""

    first: float
    total: float
    size: int


@dataclass
class Load:
    """What many clients saw together."""

    seconds: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    """What went wrong, and how often."""
    wall: float = 0.0

    @property
    def errors(self) -> int:
        """Count what went wrong."""
        return self.failures.total()

    def add(self, other: Load) -> None:
        """Add what was seen at another time."""
        self.seconds += other.seconds
        self.failures += other.failures
        self.wall += other.wall


MakeRequest = Callable[[np.random.Generator], Request]
"""Makes a request unlike the one before."""


def send(connection: http.client.HTTPConnection, server: Server, request: Request) -> None:
    """Send a query: by GET, or with a file by POST."""
    path = f"{urlsplit(server.tap).path}/sync"
    values = {
        "REQUEST": "doQuery",
        "LANG": "ADQL",
        "QUERY": request.query.format(table=server.table),
        "RESPONSEFORMAT": request.output,
        "MAXREC": str(EVERYTHING),
    }
    if not request.upload:
        connection.request("GET", f"{path}?{urlencode(values)}")
        return
    boundary = uuid.uuid4().hex
    parts = [f'name="{name}"\r\n\r\n{value}' for name, value in (values | {"UPLOAD": "t,param:t"}).items()]
    body = "".join(f"--{boundary}\r\nContent-Disposition: form-data; {part}\r\n" for part in parts)
    body += f'--{boundary}\r\nContent-Disposition: form-data; name="t"; filename="t.vot"\r\n'
    content = f"{body}Content-Type: application/x-votable+xml\r\n\r\n".encode() + request.upload
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    connection.request("POST", path, content + f"\r\n--{boundary}--\r\n".encode(), headers)


def connect(server: Server) -> http.client.HTTPConnection:
    """Open a connection."""
    place = urlsplit(server.tap)
    return http.client.HTTPConnection(place.hostname or "localhost", place.port, timeout=TIMEOUT_S)


def answer(server: Server, request: Request) -> bytes:
    """Give the body of an answer.

    Raises
    ------
    SystemExit
        The server refuses.
    """
    with contextlib.closing(connect(server)) as connection:
        send(connection, server, request)
        response = connection.getresponse()
        body = response.read()
    if response.status != 200 or b'value="ERROR"' in body[:5000]:
        raise SystemExit(f"{server.tap}: {request.name}: {body[:2000].decode(errors='replace')}")
    return body


def timed(server: Server, request: Request, *, repeat: int) -> Timing:
    """Time a request after one that does not count."""
    answer(server, request)
    first, total, size = [], [], 0
    for _ in range(repeat):
        begin = time.perf_counter()
        with contextlib.closing(connect(server)) as connection:
            send(connection, server, request)
            response = connection.getresponse()
            size = len(response.read(1))
            first.append(time.perf_counter() - begin)
            while block := response.read(1 << 20):
                size += len(block)
        total.append(time.perf_counter() - begin)
    return Timing(statistics.median(first), statistics.median(total), size)


def load(server: Server, make: MakeRequest, *, clients: int, seconds: float, think: float = 0.0) -> Load:
    """Let clients ask at the same time, each one request after the other on a connection it keeps.

    Each thinks before every request, for `think` seconds on average.
    """
    found, begin = Load(), time.perf_counter()
    threads = [
        threading.Thread(target=_client, args=(server, found, make, begin + seconds, seed, think))
        for seed in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found.wall = time.perf_counter() - begin
    return found


def _client(server: Server, found: Load, make: MakeRequest, end: float, seed: int, think: float) -> None:
    rng = np.random.default_rng(seed)
    connection = connect(server)
    while time.perf_counter() < end:
        time.sleep(rng.exponential(think) if think else 0.0)
        begin = time.perf_counter()
        try:
            send(connection, server, make(rng))
            response = connection.getresponse()
            body = response.read()
            failed = _failure(response.status, body)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            failed = f"{type(error).__name__}: {error}"
        if failed:
            found.failures[failed] += 1
        found.seconds.append(time.perf_counter() - begin)
    connection.close()


def _failure(status: int, body: bytes) -> str:
    """Say what is wrong with an answer; empty for a good one."""
    if status == 200 and b'value="ERROR"' not in body:
        return ""
    said = re.search(rb'value="ERROR"[^>]*>([^<]*)<', body)
    return f"{status}: {(said[1] if said else body[:200]).decode(errors='replace').strip()}"
