"""Work in processes that may be killed, and that take what they hold with them.

What a stranger sends may make a parser eat all memory or never end. Here it
runs in a process with limits of its own (setrlimit) and a deadline, and the
server only sees the bytes that came out. A :class:`Nursery` is one idle
process that has imported what the work needs and forks a worker within
milliseconds; a :class:`Pool` hands out a few of them at the same time.

Workers answer in frames of plain bytes, never in pickles: whatever became of
the process that read the stranger's data, it cannot make the server run code.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final, Literal

import structlog

from service.errors import INTERNAL, BusyError, FaultError
from vo_emline.errors import EmlineError, UserError

logger = structlog.stdlib.get_logger("service")

FRAME: Final = 1 << 20
"""Bytes of a frame, about: larger pieces are sent in several."""

_PIECE, _END, _MISTAKE, _MEMORY, _FAULT = b"P", b"E", b"U", b"M", b"F"
_ALLOWANCE: Final = 1 << 16
"""Bytes of a frame beyond :data:`FRAME` that are still read."""
_ENVIRONMENT: Final = {
    # One thread each: a fork copies only the thread that calls it, and limits count address space.
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}  # fmt: skip
_MAIN: Final = (
    "import sys; sys.path[:] = {path!r}; "
    "from service.processes import breed; breed({descriptor}, {preload!r})"
)

Work = Callable[..., Iterable[bytes]]
"""A function of a module (found by its name in the worker) that gives an answer piece by piece."""


class KilledError(EmlineError):
    """A worker ended before its work did."""

    def __init__(self, reason: Literal["time", "memory", "stopped"]) -> None:
        super().__init__(f"the process was ended: {reason}")
        self.reason = reason
        """``time``: the deadline came; ``memory``: over a limit, or crashed; ``stopped``: asked to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one worker may use; 0 for no limit."""

    memory: int = 0
    """Bytes of address space beyond what it has when it starts."""
    cpu_seconds: int = 0
    """Seconds of processor time for one call."""
    file_bytes: int = 0
    """Bytes of the largest file it may write."""


class Worker:
    """One process that does one call at a time.

    Parameters
    ----------
    connection
        The way to it.
    process
        Descriptor of the process (pidfd), which no other process can inherit.
    """

    def __init__(self, connection: Connection, process: int) -> None:
        self._connection = connection
        self._process = process
        self._lock = threading.Lock()
        self._stopped = False
        self.alive = True
        """Whether it can be given more work."""

    def call(self, work: Work, arguments: Sequence[Any], *, deadline: float) -> Generator[bytes, None, None]:
        """Do `work` there and give the pieces of its answer.

        Parameters
        ----------
        deadline
            When it is killed, by ``time.monotonic``.

        Raises
        ------
        UserError
            The work raised one.
        FaultError
            The work raised something else; the log has it.
        KilledError
            The worker ended before the work.
        """
        finished = False
        try:
            self._connection.send_bytes(pickle.dumps((work, tuple(arguments))))
            while (piece := self._receive(deadline)) is not None:
                yield piece
            finished = True
        except (UserError, FaultError):
            finished = True
            raise
        except (EOFError, OSError) as error:
            raise KilledError("stopped" if self._stopped else "memory") from error
        finally:
            if not finished:
                self.kill()

    def kill(self) -> None:
        """End the process now; safe from any thread, any number of times."""
        with self._lock:
            self._stopped = True
            if self.alive:
                self.alive = False
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._process, signal.SIGKILL)

    def close(self) -> None:
        """End the process and let go of it; nothing may be reading any more."""
        self.kill()
        self._connection.close()
        with self._lock:
            if self._process >= 0:
                os.close(self._process)
                self._process = -1

    def _receive(self, deadline: float) -> bytes | None:
        """Give the next piece, None at the end."""
        if not self._connection.poll(max(0.0, deadline - time.monotonic())):
            raise KilledError("time")
        frame = self._connection.recv_bytes(FRAME + _ALLOWANCE)
        kind, content = frame[:1], frame[1:]
        if kind == _PIECE:
            return content
        if kind == _MISTAKE:
            raise UserError(content.decode("utf-8", "replace"))
        if kind == _MEMORY:
            raise KilledError("memory")
        if kind == _FAULT:
            logger.error("worker_failed", error=content.decode("utf-8", "replace"))
            raise FaultError(INTERNAL)
        return None


class Nursery:
    """A process without threads that has imported what workers need, and forks them.

    Parameters
    ----------
    preload
        Names of modules to import beforehand.
    limits
        Limits of each worker.
    """

    def __init__(self, *, preload: Sequence[str], limits: Limits) -> None:
        self._preload = tuple(preload)
        self._limits = limits
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def worker(self) -> Worker:
        """Fork a worker; the nursery is started when there is none, or none any more."""
        with self._lock:
            try:
                return self._fork()
            except OSError:
                self._end()  # it died, or was killed: once more with a new one
                return self._fork()

    def start(self) -> None:
        """Begin to import what workers need, so that the first one need not wait for it."""
        with self._lock:
            if self._socket is None:
                self._begin()

    def close(self) -> None:
        """End the nursery; its workers end with it."""
        with self._lock:
            self._end()

    def _fork(self) -> Worker:
        if self._socket is None:
            self._begin()
        assert self._socket is not None  # noqa: S101 - set by _begin
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._socket, [pickle.dumps(self._limits)], [theirs.fileno()])
        said, descriptors, _, _ = socket.recv_fds(self._socket, 1, 1)
        if not said or not descriptors:
            ours.close()
            raise OSError("the nursery does not answer")
        return Worker(Connection(ours.detach()), descriptors[0])

    def _begin(self) -> None:
        ours, theirs = socket.socketpair()
        code = _MAIN.format(path=sys.path, descriptor=theirs.fileno(), preload=self._preload)
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

    def _end(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


class Pool:
    """A few workers at the same time, for work that is waited for.

    Parameters
    ----------
    number
        How many work at the same time; others wait.
    preload, limits
        See :class:`Nursery`.
    reuse
        Whether a worker does more than one call. One that read a stranger's data should not.
    """

    def __init__(
        self, number: int, *, preload: Sequence[str] = (), limits: Limits | None = None, reuse: bool = False
    ) -> None:
        self._nursery = Nursery(preload=preload, limits=limits or Limits())
        self._free = threading.BoundedSemaphore(number)
        self._reuse = reuse
        self._idle: list[Worker] = []

    def call(
        self,
        work: Work,
        *arguments: Any,
        seconds: float,
        started: Callable[[Worker], None] | None = None,
    ) -> Generator[bytes, None, None]:
        """Do `work` in a worker and give the pieces of its answer; close the iterator to stop it.

        Parameters
        ----------
        seconds
            Time for everything, the wait for a worker and the reading of the answer included.
        started
            Told which worker does it, so that another thread may kill it.

        Raises
        ------
        BusyError
            No worker became free in time.
        UserError, FaultError, KilledError
            See :meth:`Worker.call`.
        """
        deadline = time.monotonic() + seconds
        if not self._free.acquire(timeout=max(0.0, seconds)):
            raise BusyError("the service is busy; try again soon")
        try:
            worker = self._idle.pop() if self._idle else self._nursery.worker()
            try:
                if started:
                    started(worker)
                yield from worker.call(work, arguments, deadline=deadline)
            finally:
                if self._reuse and worker.alive:
                    self._idle.append(worker)
                else:
                    worker.close()
        finally:
            self._free.release()

    def start(self) -> None:
        """Begin to import what workers need, so that the first one need not wait for it."""
        self._nursery.start()

    def close(self) -> None:
        """End all workers."""
        self._nursery.close()
        while self._idle:
            self._idle.pop().close()


def breed(descriptor: int, preload: Sequence[str]) -> None:
    """Run the nursery: fork a worker for every request until the server is gone, then end all of them."""
    signal.signal(signal.SIGCHLD, _reap)
    server = socket.socket(fileno=descriptor)
    for name in preload:
        __import__(name)
    while True:
        said, descriptors, _, _ = socket.recv_fds(server, 4096, 1)
        if not said:
            os.killpg(0, signal.SIGKILL)
        child = os.fork()
        if child == 0:
            server.close()
            _serve(descriptors[0], pickle.loads(said))  # noqa: S301 - from our own server
        process = os.pidfd_open(child)
        socket.send_fds(server, [b"."], [process])
        os.close(process)
        os.close(descriptors[0])


def _reap(*_: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _serve(descriptor: int, limits: Limits) -> None:
    """Run a worker: do what it is asked until the server hangs up."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    connection = Connection(descriptor)
    _confine(limits)
    try:
        while True:
            work, arguments = pickle.loads(connection.recv_bytes())  # noqa: S301 - from our own server
            if limits.cpu_seconds:
                used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
                soft = int(used) + 1 + limits.cpu_seconds
                resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
            _answer(connection, work, arguments)
    finally:  # also where the server is gone: nothing of the nursery's may run on
        os._exit(0)


def _answer(connection: Connection, work: Work, arguments: Sequence[Any]) -> None:
    try:
        for piece in work(*arguments):
            for start in range(0, len(piece), FRAME):
                connection.send_bytes(_PIECE + piece[start : start + FRAME])
        connection.send_bytes(_END)
    except UserError as error:
        connection.send_bytes(_MISTAKE + str(error).encode()[:FRAME])
    except MemoryError:
        connection.send_bytes(_MEMORY)
    except (BrokenPipeError, EOFError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it was, the server must hear of it
        connection.send_bytes(_FAULT + repr(error).encode("utf-8", "replace")[:FRAME])


def _confine(limits: Limits) -> None:
    """Set the limits of this process; no work of its own can lift them."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if limits.memory:
        with open("/proc/self/statm") as file:  # noqa: PTH123 - the least that may fail
            pages = int(file.read().split()[0])
        most = pages * resource.getpagesize() + limits.memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    if limits.file_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_bytes, limits.file_bytes))
