"""The records of a folder of fetched spectra: what is there, whence, and what could not be had.

The manifest is for the program, ``index.csv`` and ``missing.csv`` are for people and ``vo-emline run``.
One JSON object per line, appended and never rewritten, so that no interruption can spoil it. A
spectrum is first written whole into ``.partial/``, then entered here, then renamed into place:
whatever instant the program is killed at, the next run finds either nothing or all of it.
"""

from __future__ import annotations

import csv
import fcntl
import hashlib
import io
import json
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final, Literal

from vo_emline import files
from vo_emline.errors import UserError
from vo_emline.rejects import Reject

MANIFEST: Final = "manifest.jsonl"
"""Name of the manifest in its folder."""

PARTIAL: Final = ".partial"
"""Name of the sub-folder for files that are being written."""

INDEX: Final = "index.csv"
"""Name of the table of what is there."""

MISSING: Final = "missing.csv"
"""Name of the table of what could not be had."""

COLUMNS: Final = ("publisher_did", "file", "object", "ra", "dec", "epoch_mjd", "size", "sha256")
"""Columns of ``index.csv``; `ra` and `dec` in deg (ICRS), `epoch_mjd` in d, `size` in bytes."""

Status = Literal["done", "refused", "failed"]
"""``refused``: asking again is of no use; ``failed``: it may be."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the manifest: the outcome of asking for one spectrum."""

    publisher_did: str
    request: str
    """The form that was asked for (:meth:`SpectrumRequest.describe`)."""
    status: Status
    file: str = ""
    """Name of the file, in the folder."""
    size: int = 0
    """Its size, bytes."""
    sha256: str = ""
    """Its checksum, hexadecimal."""
    url: str = ""
    """The address it came from, without secrets."""
    date: str = ""
    """When, ISO 8601, UTC."""
    service: str = ""
    """What the service says of itself (name and version of the server)."""
    code: str = ""
    """Why it could not be had, machine-readable."""
    reason: str = ""
    """Why it could not be had, in one sentence."""
    target: str = ""
    ra: float | None = None
    """Right ascension, ICRS, deg."""
    dec: float | None = None
    """Declination, ICRS, deg."""
    epoch_mjd: float | None = None
    """Middle of the exposure, MJD (d)."""


_KNOWN = frozenset(field.name for field in fields(Entry))


class Manifest(AbstractContextManager["Manifest"]):
    """The manifest of one folder, opened for writing by one process.

    Parameters
    ----------
    folder
        The folder; made where it is not there.

    Raises
    ------
    UserError
        If another process is fetching into the same folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._partial = folder / PARTIAL
        self._partial.mkdir(parents=True, exist_ok=True)
        self._file = (folder / MANIFEST).open("a+b")
        self._lock()
        self.entries = {entry.publisher_did: entry for entry in read_manifest(folder)}
        self._end_line()
        self._recover()

    def __exit__(self, *exc: object) -> None:
        """Make sure that everything is on the disk, and let others in."""
        os.fsync(self._file.fileno())
        self._file.close()
        if not any(self._partial.iterdir()):
            self._partial.rmdir()

    def holds(self, publisher_did: str, request: str) -> bool:
        """Say whether the spectrum is there in that form, whole and unchanged."""
        entry = self.entries.get(publisher_did)
        return (
            entry is not None
            and entry.status == "done"
            and entry.request == request
            and is_intact(self.folder / entry.file, entry)
        )

    def refuses(self, publisher_did: str, request: str) -> bool:
        """Say whether the archive refused the spectrum in that form, for good."""
        entry = self.entries.get(publisher_did)
        return entry is not None and entry.status == "refused" and entry.request == request

    def store(self, entry: Entry, content: bytes) -> None:
        """Take in a delivered file: write it, enter it, put it into place."""
        partial = self._partial / entry.file
        partial.write_bytes(content)
        self.note(entry)
        partial.replace(self.folder / entry.file)

    def note(self, entry: Entry) -> None:
        """Append a line."""
        said = {key: value for key, value in asdict(entry).items() if value not in ("", None, 0)}
        self._file.write(json.dumps(said, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        self.entries[entry.publisher_did] = entry

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise UserError(
                f"another process is fetching into {self.folder}: wait for it or choose another"
            ) from error

    def _end_line(self) -> None:
        """Close the half line that a kill may have left."""
        if self._file.tell() == 0:
            return
        self._file.seek(-1, os.SEEK_END)
        if self._file.read(1) != b"\n":
            self._file.write(b"\n")
            self._file.flush()

    def _recover(self) -> None:
        """Put files into place that were entered but not yet renamed; remove the others."""
        by_name = {entry.file: entry for entry in self.entries.values() if entry.status == "done"}
        for partial in self._partial.iterdir():
            entry = by_name.get(partial.name)
            if entry is not None and is_intact(partial, entry):
                partial.replace(self.folder / entry.file)
            else:
                partial.unlink()


def read_manifest(folder: Path) -> Iterator[Entry]:
    """Read the lines of a manifest, oldest first; half lines left by a kill are passed over."""
    path = folder / MANIFEST
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                said = json.loads(line)
                yield Entry(**{key: value for key, value in said.items() if key in _KNOWN})
            except (ValueError, TypeError, AttributeError):
                if line.strip():
                    log.warning("%s:%d is half a line and is passed over", path, number)


def is_intact(path: Path, entry: Entry) -> bool:
    """Say whether a file is what the manifest says, by size and checksum."""
    try:
        if path.stat().st_size != entry.size:
            return False
        return hashlib.sha256(path.read_bytes()).hexdigest() == entry.sha256
    except FileNotFoundError:
        return False


def write_index(folder: Path, entries: Iterable[Entry]) -> Path:
    """Write ``index.csv``: one row per spectrum that is there, ordered by file name."""
    there = sorted((entry for entry in entries if entry.status == "done"), key=lambda entry: entry.file)
    rows = [
        (
            e.publisher_did,
            e.file,
            e.target,
            _cell(e.ra),
            _cell(e.dec),
            _cell(e.epoch_mjd),
            str(e.size),
            e.sha256,
        )
        for e in there
    ]
    return _write(folder / INDEX, COLUMNS, rows)


def write_missing(folder: Path, rejects: Sequence[Reject]) -> None:
    """Write ``missing.csv``, or remove an old one where nothing is missing."""
    path = folder / MISSING
    if rejects:
        _write(path, ("publisher_did", "code", "reason"), [(r.source, r.code, r.message) for r in rejects])
    else:
        path.unlink(missing_ok=True)


def _cell(value: float | None) -> str:
    return "" if value is None else repr(value)


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    files.write_text(path, text.getvalue())
    return path
