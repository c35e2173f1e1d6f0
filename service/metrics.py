"""What the service has done and what it has going on, as Prometheus reads it (text format 0.0.4).

Requests are counted where they are logged; what is going on is asked when somebody looks.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from vo_emline.files import atomic_path

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

BOUNDS: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Upper ends of the classes of seconds that requests are counted in."""

KINDS: Final[Mapping[str, str]] = {
    "/tap/sync": "query", "/tap/async": "job", "/tap/": "metadata", "/ssa": "ssa", "/datalink": "datalink",
    "/spectrum": "spectrum", "/spectra": "spectrum", "/preview": "preview", "/scs": "cone",
    "/healthz": "monitor", "/metrics": "monitor",
}  # fmt: skip
"""Kind of a request by how its path begins; everything else is a page."""

COUNTS: Final = "counts"
"""Folder, in the one of jobs, of the counts that several processes share."""
WRITE_SECONDS: Final = 1.0
"""How often a process writes its counts for the others."""


def kind_of(path: str) -> str:
    """Give the kind of a request: one of few, whatever strangers ask for."""
    return next((kind for start, kind in KINDS.items() if path.startswith(start)), "page")


class Metrics:
    """Counts since the start, by kind of request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._classes: defaultdict[str, list[int]] = defaultdict(lambda: [0] * len(BOUNDS))
        self._bytes: defaultdict[str, int] = defaultdict(int)
        self._rows: defaultdict[str, int] = defaultdict(int)

    def count(self, path: str, *, status: int, seconds: float, size: int, rows: int = 0) -> None:
        """Count an answered request.

        Parameters
        ----------
        path
            Its path.
        status
            HTTP status; 0 where the client went away before there was one.
        seconds
            From its arrival to its last byte.
        size
            Bytes of the answer.
        rows
            Rows of the answer.
        """
        kind = kind_of(path)
        with self._lock:
            self._requests[kind, status] += 1
            self._seconds[kind] += seconds
            self._bytes[kind] += size
            self._rows[kind] += rows
            classes = self._classes[kind]
            for place, bound in enumerate(BOUNDS):
                classes[place] += seconds <= bound

    def kept(self) -> str:
        """Give all counts as JSON, for :meth:`add`."""
        with self._lock:
            return json.dumps(
                {
                    "requests": [[*key, number] for key, number in self._requests.items()],
                    "seconds": self._seconds, "classes": self._classes, "bytes": self._bytes,
                    "rows": self._rows,
                }
            )  # fmt: skip

    def add(self, kept: str) -> None:
        """Add the counts of another process."""
        given = json.loads(kept)
        with self._lock:
            for kind, status, number in given["requests"]:
                self._requests[kind, status] += number
            for own, name in ((self._seconds, "seconds"), (self._bytes, "bytes"), (self._rows, "rows")):
                for kind, number in given[name].items():
                    own[kind] += number
            for kind, classes in given["classes"].items():
                self._classes[kind] = [a + b for a, b in zip(self._classes[kind], classes, strict=True)]

    def text(self, gauges: Mapping[str, tuple[str, float]] | None = None) -> str:
        """Give all of it, and `gauges` (name → what it is, and its value)."""
        with self._lock:
            lines = [*self._counted()]
        for name, (meaning, value) in (gauges or {}).items():
            lines += [f"# HELP vo_emline_{name} {meaning}", f"# TYPE vo_emline_{name} gauge"]
            lines.append(f"vo_emline_{name} {value:.10g}")
        return "\n".join(lines) + "\n"

    def _counted(self) -> Iterator[str]:
        yield from _head("requests_total", "counter", "Requests answered, by kind and HTTP status (0: left).")
        for (kind, status), number in sorted(self._requests.items()):
            yield f'vo_emline_requests_total{{kind="{kind}",status="{status}"}} {number}'
        yield from _head("request_seconds", "histogram", "Seconds from a request to the end of its answer.")
        for kind, seconds in sorted(self._seconds.items()):
            number = sum(count for (other, _), count in self._requests.items() if other == kind)
            bounds = [*map(str, BOUNDS), "+Inf"]
            for bound, count in zip(bounds, [*self._classes[kind], number], strict=True):
                yield f'vo_emline_request_seconds_bucket{{kind="{kind}",le="{bound}"}} {count}'
            yield f'vo_emline_request_seconds_sum{{kind="{kind}"}} {seconds:.6f}'
            yield f'vo_emline_request_seconds_count{{kind="{kind}"}} {number}'
        for name, meaning, counts in (
            ("answer_bytes_total", "Bytes of answers.", self._bytes),
            ("answer_rows_total", "Rows of answers to queries.", self._rows),
        ):
            yield from _head(name, "counter", meaning)
            for kind, number in sorted(counts.items()):
                yield f'vo_emline_{name}{{kind="{kind}"}} {number}'


class SharedCounts:
    """The counts of several processes: each writes its own into a folder, and reads those of the others.

    Those of a process that has ended stay, so that counts never fall.

    Parameters
    ----------
    folder
        The folder; made where it does not exist.
    own
        The counts of this process.
    """

    def __init__(self, folder: Path, own: Metrics) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._own = own
        self._path = folder / f"{os.getpid()}-{time.time_ns()}.json"
        self._closing = threading.Event()

    def start(self) -> None:
        """Begin to write."""
        threading.Thread(target=self._write, name="counts", daemon=True).start()

    def close(self) -> None:
        """Stop writing."""
        self._closing.set()

    def all(self) -> Metrics:
        """Give the counts of all processes; those of others are as old as :data:`WRITE_SECONDS`."""
        total = Metrics()
        total.add(self._own.kept())
        for path in self._folder.glob("*.json"):
            if path != self._path:
                total.add(path.read_text())
        return total

    def _write(self) -> None:
        said = ""
        while not self._closing.wait(WRITE_SECONDS):
            if (now := self._own.kept()) != said:
                with atomic_path(self._path) as path:
                    path.write_text(now)
                said = now


def _head(name: str, kind: str, meaning: str) -> Iterator[str]:
    yield f"# HELP vo_emline_{name} {meaning}"
    yield f"# TYPE vo_emline_{name} {kind}"
