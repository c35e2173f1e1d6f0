"""What a client has not read yet of an answer: some in memory, more on disk within a quota.

A query holds one of few slots while it runs. It ends as soon as its rows are
here, whoever reads them and how slowly; only where the quota is full does it
wait for its reader, and only for one that reads.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import IO, Final

from vo_emline.errors import UserError

MEMORY: Final = 4_000_000
"""Bytes of an answer kept in memory before the disk is used: some batches of rows."""
PIECE: Final = 1 << 18
"""Bytes read from disk at once, and to which small pieces are joined."""
STALL_SECONDS: Final = 10.0
SLOWEST: Final = 50_000
"""A reader for whom a query waits must take so many bytes per second, over :data:`STALL_SECONDS`."""


class SlowReaderError(UserError):
    """A client reads its answer too slowly to wait for it."""


class Quota:
    """Bytes on disk that all answers may have together, and one of them.

    Parameters
    ----------
    total
        For all of them.
    share
        For one.
    """

    def __init__(self, total: int, *, share: int) -> None:
        self._lock = threading.Lock()
        self.left = total
        self.share = share

    def take(self, size: int) -> bool:
        """Reserve bytes; tell whether there were so many."""
        with self._lock:
            if size > self.left:
                return False
            self.left -= size
            return True

    def give_back(self, size: int) -> None:
        """Give bytes back."""
        with self._lock:
            self.left += size


class Spool:
    """The unread part of one answer: one thread puts, another takes.

    Parameters
    ----------
    quota
        Limits the part on disk.
    notify
        Called after every change, from the thread that puts.
    """

    def __init__(self, quota: Quota, *, notify: Callable[[], object]) -> None:
        self._quota = quota
        self._notify = notify
        self._changed = threading.Condition()
        self._memory: deque[bytes] = deque()
        self._held = 0
        self._file: IO[bytes] | None = None
        self._written = self._read = self._reserved = 0
        self._taken = 0
        self._end = b""
        self._closed = False

    def put(self, piece: bytes) -> None:
        """Add a piece, after waiting for room.

        Raises
        ------
        SlowReaderError
            There is no room, and the reader makes none.
        """
        with self._changed:
            begun, before = time.monotonic(), self._taken
            while not self._closed and not self._keep(piece):
                self._changed.wait(timeout=1.0)
                waited = time.monotonic() - begun
                if waited > STALL_SECONDS:
                    if self._taken - before < SLOWEST * waited:
                        raise SlowReaderError("the answer is not read fast enough; ask for it as a job")
                    begun, before = time.monotonic(), self._taken
        self._notify()

    def force(self, piece: bytes) -> None:
        """Add the last piece, whatever the quota says."""
        with self._changed:
            self._end = piece
        self._notify()

    @property
    def in_memory(self) -> bool:
        """Whether nothing was put on disk so far, so that taking never waits for it."""
        return self._file is None

    def take(self) -> bytes:
        """Give what comes next, small pieces joined; empty where there is nothing now."""
        with self._changed:
            if self._memory:
                pieces = [self._memory.popleft()]
                while self._memory and sum(map(len, pieces)) + len(self._memory[0]) <= PIECE:
                    pieces.append(self._memory.popleft())
                piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
                self._held -= len(piece)
            elif self._file is not None and self._read < self._written:
                self._file.seek(self._read)
                piece = self._file.read(min(PIECE, self._written - self._read))
                self._read += len(piece)
                if self._read == self._written:
                    self._empty()
            else:
                piece, self._end = self._end, b""
            self._taken += len(piece)
            self._changed.notify_all()
            return piece

    def close(self) -> None:
        """Let go of everything; a thread that waits for room goes on, into nothing."""
        with self._changed:
            self._closed = True
            self._memory.clear()
            if self._file is not None:
                self._empty()
                self._file.close()
                self._file = None
            self._changed.notify_all()

    def _keep(self, piece: bytes) -> bool:
        on_disk = self._read < self._written
        if not on_disk and (not self._memory or self._held + len(piece) <= MEMORY):
            self._memory.append(piece)
            self._held += len(piece)
            return True
        if self._written + len(piece) > self._quota.share or not self._quota.take(len(piece)):
            return False
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._reserved += len(piece)
        self._file.seek(self._written)
        self._file.write(piece)
        self._written += len(piece)
        return True

    def _empty(self) -> None:
        assert self._file is not None  # noqa: S101 - the callers know
        self._file.truncate(0)
        self._written = self._read = 0
        self._quota.give_back(self._reserved)
        self._reserved = 0
