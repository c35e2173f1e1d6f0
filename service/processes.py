"""Work in processes that may be killed, and that take what they hold with them.

What a stranger sends may make a parser eat all memory or never end. Here it
runs in a process with limits of its own (setrlimit) and a deadline, and the
server only sees the bytes that came out. A :class:`Nursery` is one idle
process that has imported what the work needs and forks a worker within
milliseconds; a :class:`~service.pool.Pool` hands out a few of them at the
same time. What runs in those processes is :mod:`service.nursery`.

Workers answer in frames of plain bytes, never in pickles: whatever became of
the process that read the stranger's data, it cannot make the server run code.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from functools import cache
from typing import Any, Final, Literal

import structlog

from service import nursery as protocol
from service.errors import INTERNAL, FaultError
from service.nursery import FRAME, HEAD, Limits, Work
from vo_emline.errors import EmlineError, UserError

logger = structlog.stdlib.get_logger("service")

PRELOAD: Final = (
    "service.store.workers", "service.tap.upload_readers", "service.tap.fetch", "cdshealpix.nested",
    "astropy.coordinates", "pandas",
)  # fmt: skip
"""What the workers of a service have imported before they are asked; Arrow and DuckDB load pandas, where it
is, as they look at their first table, which takes half a second."""

_ENVIRONMENT: Final = {
    # One thread each: a fork copies only the thread that calls it, and limits count address space.
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}  # fmt: skip
_MAIN: Final = (
    "import sys; sys.path[:] = {path!r}; "
    "from service.nursery import breed; breed({descriptor}, {server}, {preload!r})"
)

LONG_S: Final = 1.0
"""How long a call works like any other; after that short ones go first, and its process is not used again."""

ENDING_S: Final = 1.0
"""How long a process that was killed is waited for, so that what it held is free."""

Reason = Literal["time", "memory", "died", "stopped"]


class KilledError(EmlineError):
    """A worker ended its work early, or with it."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"the process was ended: {reason}")
        self.reason = reason
        """``time``: the deadline came; ``memory``: over a limit; ``died``: crashed, or killed by others;
        ``stopped``: asked to."""


class Worker:
    """One process that does one call at a time.

    Parameters
    ----------
    connection
        The way to it.
    control
        The way to stop what it does.
    process
        Descriptor of the process (pidfd), which no other process can inherit.
    patience
        Seconds that a call may take to end once it is stopped, before the process is killed.
    """

    def __init__(
        self, connection: socket.socket, control: socket.socket, process: int, *, patience: float = 0.0
    ) -> None:
        self._connection = connection
        self._readable = select.poll()
        self._readable.register(connection, select.POLLIN)
        self._control = control
        self._process = process
        self._patience = patience
        self._lock = threading.Lock()
        self._serial = 0
        self._working = False
        self._stopped = False
        self._gives_way_at = float("inf")
        # What has come of a frame: time may run out in the middle of one, and the rest still comes.
        self._head: tuple[bytes, int] | None = None
        self._received: bytearray | None = None
        self._filled = 0
        self.alive = True
        """Whether it can be given more work."""
        self.slow = False
        """Whether it gives way to others (:data:`LONG_S`): then it is not fit for another call."""
        self.idle_since = 0.0
        """When it was last given back, by ``time.monotonic``; kept by whom it belongs to."""

    def call(
        self,
        work: Work,
        arguments: Sequence[Any],
        *,
        deadline: float,
        unwanted: Callable[[], object] = bool,
    ) -> Generator[bytes, None, None]:
        """Do `work` there and give the pieces of its answer, each whole; close the generator to stop it.

        Parameters
        ----------
        deadline
            When it is stopped, by ``time.monotonic``.
        unwanted
            Asked as the call begins: whether :meth:`stop` came before, when there was nothing to stop.

        Raises
        ------
        UserError
            The work raised one.
        FaultError
            The work raised something else; the log has it.
        KilledError
            The work was stopped, or its process ended.
        """
        with self._lock:
            if unwanted():
                raise KilledError("stopped")
            self._serial += 1
            self._working, self._stopped = True, False
        self._gives_way_at = time.monotonic() + LONG_S
        try:
            asked = pickle.dumps((self._serial, work, tuple(arguments)))
            self._connection.sendall(len(asked).to_bytes(HEAD.size, "little") + asked)
            while (piece := self._piece(deadline)) is not None:
                yield piece
        except (EOFError, OSError) as error:
            reason: Reason = "stopped" if self._stopped else "died"
            self.kill()
            raise KilledError(reason) from error
        finally:
            if self._working:
                self._end_early()

    def stop(self) -> None:
        """Stop the call that is being done, if there is one; safe from any thread, any number of times."""
        with self._lock:
            if not self._working or self._stopped:
                return
            self._stopped = True
            serial = self._serial
            self._tell(serial)
        later = threading.Timer(self._patience, self._kill_late, args=(serial,))
        later.daemon = True
        later.start()

    def kill(self) -> None:
        """End the process now; safe from any thread, any number of times."""
        with self._lock:
            self._kill()

    def close(self) -> None:
        """End the process and let go of it; nothing may be reading any more."""
        self.kill()
        self._connection.close()
        self._control.close()
        with self._lock:
            if self._process >= 0:
                gone = select.poll()
                gone.register(self._process, select.POLLIN)
                gone.poll(1000 * ENDING_S)
                os.close(self._process)
                self._process = -1

    def _kill(self) -> None:
        self._stopped, self._working = True, False
        if self.alive:
            self.alive = False
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, signal.SIGKILL)

    def _kill_late(self, serial: int) -> None:
        with self._lock:
            if self._working and self._serial == serial:
                self._kill()

    def _tell(self, serial: int) -> None:
        """Tell the process to stop a call, or to give way."""
        with contextlib.suppress(OSError):  # it is gone
            self._control.send(serial.to_bytes(protocol.SERIAL_BYTES))

    def _give_way(self) -> None:
        """Let shorter calls go first from now on."""
        self._gives_way_at, self.slow = float("inf"), True
        self._tell(protocol.GIVE_WAY)

    def _end_early(self) -> None:
        """Stop the call, throw away what still comes of it, and kill the process if it goes on."""
        with self._lock:
            if self._patience:
                self._tell(self._serial)
            else:
                self._kill()
        end = time.monotonic() + self._patience
        with contextlib.suppress(UserError, FaultError, KilledError, EOFError, OSError):
            while self._working and self._piece(end) is not None:
                pass
        if self._working:
            self.kill()

    def _piece(self, deadline: float) -> bytes | None:
        """Give the next piece, None at the end."""
        parts = []
        while True:
            if self._head is None:
                self._head = HEAD.unpack(self._exactly(HEAD.size, deadline))
            kind, size = self._head
            if size > FRAME or kind not in protocol.KINDS:  # nothing of ours
                raise EOFError
            content = self._exactly(size, deadline)
            self._head = None
            if kind == protocol.PART:
                parts.append(content)
            elif kind == protocol.PIECE:
                return b"".join([*parts, content])
            else:
                self._ended(kind, bytes(content))
                return None

    def _exactly(self, size: int, deadline: float) -> bytearray:
        """Receive so many bytes; where time runs out, those that came are kept for the next call."""
        if self._received is None:
            self._received, self._filled = bytearray(size), 0
        rest = memoryview(self._received)[self._filled :]
        while rest:
            now = time.monotonic()
            if now >= deadline:  # also where there is always more to read
                raise KilledError("time")
            if now >= self._gives_way_at:
                self._give_way()
            if not self._readable.poll(1000 * (min(deadline, self._gives_way_at) - now)):
                continue
            count = self._connection.recv_into(rest)
            if not count:
                raise EOFError
            self._filled += count
            rest = rest[count:]
        received, self._received = self._received, None
        return received

    def _ended(self, kind: bytes, content: bytes) -> None:
        """Take note that the call has ended, and raise what ended it."""
        with self._lock:
            if kind == protocol.MEMORY:  # what it holds is not worth keeping
                self._kill()
            self._working = False
        match kind:
            case protocol.MISTAKE:
                raise UserError(content.decode("utf-8", "replace"))
            case protocol.FAULT:
                logger.error("worker_failed", error=content.decode("utf-8", "replace"))
                raise FaultError(INTERNAL)
            case protocol.MEMORY:
                raise KilledError("memory")
            case protocol.STOPPED:
                raise KilledError("stopped")


class Nursery:
    """A process without threads that has imported what workers need, and forks them.

    Parameters
    ----------
    preload
        Names of modules to import beforehand.
    """

    def __init__(self, preload: Sequence[str] = ()) -> None:
        self._preload = tuple(preload)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def worker(self, limits: Limits, *, patience: float = 0.0) -> Worker:
        """Fork a worker; the nursery is started when there is none, or none any more.

        Parameters
        ----------
        limits
            What it may use.
        patience
            See :class:`Worker`.
        """
        with self._lock:
            try:
                return self._fork(limits, patience)
            except OSError:  # it died, or was killed: once more with a new one
                self._forget()
                return self._fork(limits, patience)

    def start(self) -> None:
        """Begin to import what workers need, so that the first one need not wait for it."""
        with self._lock:
            if self._socket is None:
                self._begin()

    def close(self) -> None:
        """End the nursery; its workers end with it."""
        with self._lock:
            if self._process is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._forget()

    def _fork(self, limits: Limits, patience: float) -> Worker:
        if self._socket is None:
            self._begin()
        assert self._socket is not None  # noqa: S101 - set by _begin
        ours, theirs = socket.socketpair()
        control, controlled = socket.socketpair()
        with contextlib.ExitStack() as undo:
            undo.callback(ours.close)
            undo.callback(control.close)
            with theirs, controlled:
                socket.send_fds(self._socket, [pickle.dumps(limits)], [theirs.fileno(), controlled.fileno()])
            said, descriptors, _, _ = socket.recv_fds(self._socket, 1, 1)
            if not said or not descriptors:
                raise OSError("the nursery does not answer")
            undo.pop_all()
        return Worker(ours, control, descriptors[0], patience=patience)

    def _begin(self) -> None:
        ours, theirs = socket.socketpair()
        code = _MAIN.format(
            path=sys.path, descriptor=theirs.fileno(), server=os.getpid(), preload=self._preload
        )
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - Python itself, and code of ours
                [sys.executable, "-c", code],
                pass_fds=[theirs.fileno()],
                env={**os.environ, **_ENVIRONMENT},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C at the terminal is for the server, which then ends them
            )
        self._socket = ours

    def _forget(self) -> None:
        """Let go of a nursery that has ended; what it forked goes on until its own connection is closed."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@cache
def shared_nursery() -> Nursery:
    """Give the nursery of this process, from which every service in it has its workers."""
    made = Nursery(PRELOAD)
    atexit.register(made.close)
    return made
