"""What runs in the processes that :mod:`service.processes` starts: the nursery, and the workers it forks.

The nursery is one process without threads that has imported what the work needs, so that a worker is
there within milliseconds. A worker does what it is asked, call by call, and answers in frames of plain
bytes. Beside the connection for calls it has another over which it is told to stop what it does, or to let
others go first; when that one is closed, the server is gone and the worker ends, whatever it is doing.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from struct import Struct
from typing import Any, Final

from vo_emline.errors import UserError

FRAME: Final = 1 << 24
"""Bytes of a frame at most: larger pieces are sent in several."""
HEAD: Final = Struct("<cI")
"""Before each frame: what it holds, and its length."""

PIECE, PART, END, MISTAKE, MEMORY, FAULT, STOPPED = b"P", b"p", b"E", b"U", b"M", b"F", b"S"
"""What a frame holds, by its first byte: a piece or its end, a part of one that goes on, or how it ended."""

KINDS: Final = frozenset((PIECE, PART, END, MISTAKE, MEMORY, FAULT, STOPPED))

AHEAD: Final = 1 << 22
"""Bytes of an answer that a worker may be ahead of its server, where the system allows so many."""

SERIAL_BYTES: Final = 8
"""Bytes of the number of a call, as it is named to stop it."""

GIVE_WAY: Final = 0
"""Said instead of the number of a call: from now on others go first."""

NICENESS: Final = 10
"""How much this process then leaves to others: a tenth of the weight remains."""

REPEAT_SECONDS: Final = 0.05
"""How often work that is to stop is told so: what is just about to begin would miss a single word."""

Work = Callable[..., Iterable[bytes]]
"""A function of a module (found by its name in the worker) that gives an answer piece by piece."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one worker may use; 0 for no limit."""

    memory: int = 0
    """Bytes of address space beyond what it has when it starts."""
    cpu_seconds: int = 0
    """Seconds of processor time for one call."""
    file_bytes: int = 0
    """Bytes of the largest file it may write."""


class _Call:
    """The call that this process works on, and whether it is to stop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._serial = 0
        self._ended = True
        self._interrupt: Callable[[], object] | None = None
        self.stopped = False

    def begin(self, serial: int) -> None:
        """Take up a call."""
        with self._lock:
            self._serial, self._ended, self.stopped = serial, False, False

    def end(self) -> None:
        """Have done with it: who stops it now comes too late."""
        with self._lock:
            self._ended = True

    def stop(self, serial: int) -> bool:
        """Stop the call of this number; tell whether it is still to begin, or to end."""
        with self._lock:
            if serial > self._serial:  # the word to stop came before the call was taken up
                return True
            if serial < self._serial or self._ended:
                return False
            self.stopped = True
            if self._interrupt:
                self._interrupt()
            return True

    @contextmanager
    def interruptible(self, interrupt: Callable[[], object]) -> Iterator[None]:
        """Call `interrupt`, from another thread, where the call is to stop before the block has ended."""
        with self._lock:
            self._interrupt = interrupt
        try:
            yield
        finally:
            with self._lock:
                self._interrupt = None


_call: Final = _Call()

interruptible = _call.interruptible


def breed(descriptor: int, server: int, preload: Sequence[str]) -> None:
    """Run the nursery: fork a worker for every request until the server is gone, then end all of them.

    Parameters
    ----------
    descriptor
        Socket over which the server asks.
    server
        Process of the server.
    preload
        Modules to import beforehand.
    """
    signal.signal(signal.SIGCHLD, _reap)
    requests = socket.socket(fileno=descriptor)
    for name in preload:
        with contextlib.suppress(ModuleNotFoundError):  # who needs it and cannot do without will say so
            __import__(name)
    gone = select.poll()
    gone.register(requests, select.POLLIN)
    with contextlib.suppress(ProcessLookupError):  # then the socket tells
        # others may hold the far end of the socket: what the server started without closing its files
        gone.register(os.pidfd_open(server), select.POLLIN)
    while {descriptor for descriptor, _ in gone.poll()} == {requests.fileno()}:
        said, descriptors, _, _ = socket.recv_fds(requests, 4096, 2)
        if not said:
            break
        child = os.fork()
        if child == 0:
            requests.close()
            _serve(*descriptors, limits=pickle.loads(said))  # noqa: S301 - from our own server
        process = os.pidfd_open(child)
        socket.send_fds(requests, [b"."], [process])
        for descriptor in (process, *descriptors):
            os.close(descriptor)
    os.killpg(0, signal.SIGKILL)


def _reap(*_: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _serve(calls: int, control: int, *, limits: Limits) -> None:
    """Run a worker: do what it is asked until the server hangs up."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    connection = socket.socket(fileno=calls)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, AHEAD)
    try:
        threading.Thread(target=_listen, args=(socket.socket(fileno=control),), daemon=True).start()
        _confine(limits)
        while True:
            size = _exactly(connection, HEAD.size)
            asked = _exactly(connection, int.from_bytes(size, "little"))
            serial, work, arguments = pickle.loads(asked)  # noqa: S301 - from our own server
            if limits.cpu_seconds:
                used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
                soft = int(used) + 1 + limits.cpu_seconds
                resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
            _call.begin(serial)
            _answer(connection, work, arguments)
    finally:  # also where the server is gone: nothing of the nursery's may run on
        os._exit(0)


def _listen(control: socket.socket) -> None:
    """Stop calls when told so; end the process when the server is gone."""
    try:
        while said := control.recv(SERIAL_BYTES):
            number = int.from_bytes(said)
            if number == GIVE_WAY:
                _give_way()
                continue
            while _call.stop(number):
                time.sleep(REPEAT_SECONDS)
    finally:
        os._exit(0)


def _give_way() -> None:
    """Let others go first, each thread of this process; without rights there is no way back."""
    for thread in os.listdir("/proc/self/task"):  # noqa: PTH208 - names, not paths
        with contextlib.suppress(OSError):  # it has ended
            os.setpriority(os.PRIO_PROCESS, int(thread), NICENESS)


def _exactly(connection: socket.socket, size: int) -> bytearray:
    """Receive so many bytes; EOFError where the server is gone."""
    received = bytearray(size)
    rest = memoryview(received)
    while rest:
        count = connection.recv_into(rest)
        if not count:
            raise EOFError
        rest = rest[count:]
    return received


def _answer(connection: socket.socket, work: Work, arguments: Sequence[Any]) -> None:
    kind, said = END, b""
    try:
        for piece in work(*arguments):
            if _call.stopped:
                break
            _send(connection, piece)
    except (BrokenPipeError, EOFError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it was, the server must hear of it
        kind, said = _end_of(error)
    if _call.stopped:
        kind, said = STOPPED, b""
    _call.end()
    _send_frame(connection, kind, memoryview(said))


def _send(connection: socket.socket, piece: bytes) -> None:
    rest = memoryview(piece)
    while len(rest) > FRAME:
        _send_frame(connection, PART, rest[:FRAME])
        rest = rest[FRAME:]
    _send_frame(connection, PIECE, rest)


def _send_frame(connection: socket.socket, kind: bytes, content: memoryview) -> None:
    head = HEAD.pack(kind, len(content))
    sent = connection.sendmsg([head, content]) - len(head)
    while sent < 0:  # not even the head went whole
        sent += connection.send(head[sent:])
    connection.sendall(content[sent:])


def _end_of(error: Exception) -> tuple[bytes, bytes]:
    match error:
        case UserError():
            return MISTAKE, str(error).encode()[:FRAME]
        case MemoryError():
            return MEMORY, b""
        case _:
            return FAULT, repr(error).encode("utf-8", "replace")[:FRAME]


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
