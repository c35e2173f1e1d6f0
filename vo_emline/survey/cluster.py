"""Shards on many machines: a Dask cluster as an executor (``concurrent.futures``).

Dask is imported when a cluster is asked for, never before.
"""

from __future__ import annotations

import logging
import platform
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import override

from vo_emline.errors import EmlineError, UserError

if TYPE_CHECKING:
    from distributed import Client

PATIENCE_S: Final = 60.0
"""Seconds that a scheduler may take to answer, and its first worker to appear."""

_CHATTY: Final = ("distributed.client", "distributed.utils")
"""Loggers that tell of a lost connection by a traceback for each attempt; what is wrong our errors say."""

_LOCAL: Final = re.compile(r"local:([1-9]\d*)")


class ClusterExecutor(Executor):
    """The workers of a Dask scheduler, as an executor.

    What a worker was doing when it died is done again by another.

    Parameters
    ----------
    client
        A connected client.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._executor = client.get_executor(pure=False)

    @property
    def _max_workers(self) -> int:
        """Tell how many tasks run at once, as the executors of the standard library do."""
        threads: dict[str, int] = self._client.nthreads()
        return max(1, sum(threads.values()))

    @override
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a worker call `fn`."""
        future: Future[Any] = self._executor.submit(fn, *args, **kwargs)
        return future

    @override
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let go of the work that is not done; the cluster stays."""
        self._executor.shutdown(wait=wait and not cancel_futures)


@contextmanager
def dask_workers(
    address: str, *, writes: Path, reads: Sequence[Path] = (), patience_s: float = PATIENCE_S
) -> Iterator[Executor]:
    """Give the workers of a Dask cluster as an executor.

    Parameters
    ----------
    address
        ``tcp://host:8786`` for a scheduler that runs, the name of its
        scheduler file (``dask scheduler --scheduler-file NAME.json``), or
        ``local:N`` for N new processes of this machine.
    writes
        Folder that every worker has to see; it is made.
    reads
        Files and folders that every worker has to find where we do.
    patience_s
        Seconds to wait for the scheduler and for its first worker.

    Raises
    ------
    UserError
        Dask is not installed, no scheduler answers, no worker appears, or a
        worker has another version of this program or of a library on which
        results depend, or does not see a folder.
    EmlineError
        Workers died again and again of the same work, or the scheduler went away.
    """
    try:
        from distributed import KilledWorker
    except ImportError as error:
        raise UserError("Dask is not installed; pip install 'vo-emline[cluster]'") from error
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with ExitStack() as opened:
        client = _connect(address, opened, patience_s=patience_s)
        _wait_for_worker(client, address, patience_s=patience_s)
        _require_equal(client)
        _require_shared(client, writes, reads)
        executor = opened.enter_context(ClusterExecutor(client))
        try:
            yield executor
        except KilledWorker as error:
            raise EmlineError(
                f"workers died one after the other of the same work (out of memory?): {error}; "
                "finished shards are kept, start again to continue, with more memory for each worker "
                "or smaller shards"
            ) from error
        except (CancelledError, OSError) as error:
            if client.status == "running":
                raise
            raise EmlineError(
                f"the Dask scheduler {address} went away; finished shards are kept, start again to continue"
            ) from error
        finally:
            executor.shutdown(cancel_futures=True)


def _connect(address: str, opened: ExitStack, *, patience_s: float) -> Client:
    from distributed import Client, LocalCluster

    local = _LOCAL.fullmatch(address)
    if local:
        started = LocalCluster(
            n_workers=int(local[1]), threads_per_worker=1, dashboard_address=None, memory_limit=0
        )
        return _opened(Client(opened.enter_context(started)), opened)
    if not re.match(r"[a-z]+://", address) and not Path(address).is_file():
        raise UserError(
            f"{address!r} is no Dask cluster: give tcp://host:port, the file a scheduler wrote, or local:N"
        )
    place = {"address": address} if "://" in address else {"scheduler_file": address}
    try:
        return _opened(Client(**place, timeout=patience_s), opened)
    except (OSError, ValueError) as error:  # a timeout is an OSError
        raise UserError(
            f"no Dask scheduler answers at {address} ({error}); start one with `dask scheduler`, "
            "or see that its port can be reached from here"
        ) from error


def _opened(client: Client, opened: ExitStack) -> Client:
    """Have the client closed at the end."""
    opened.callback(client.close)
    return client


def _wait_for_worker(client: Client, address: str, *, patience_s: float) -> None:
    try:
        client.wait_for_workers(1, timeout=patience_s)
    except TimeoutError as error:
        raise UserError(
            f"the Dask scheduler {address} has no workers after {patience_s:.0f} s; "
            "start some with `dask worker`, or look whether their jobs wait in the queue"
        ) from error


def versions() -> dict[str, str]:
    """Tell the versions on which results depend, in the process that calls."""
    from importlib.metadata import version

    return {
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "vo-emline": version("vo-emline"),
        "jax": version("jax"),
        "numpy": version("numpy"),
        "pyarrow": version("pyarrow"),
    }


def _require_equal(client: Client) -> None:
    """See that workers run what we run: results are to be those of one process."""
    ours = versions()
    for worker, theirs in _ask(client, versions).items():
        differing = [
            f"{name} {theirs[name]} (here {ours[name]})" for name in ours if ours[name] != theirs[name]
        ]
        if differing:
            raise UserError(
                f"worker {worker} has {', '.join(differing)}; start the workers from the environment "
                "that this command runs in"
            )


def _require_shared(client: Client, writes: Path, reads: Sequence[Path]) -> None:
    """See that workers find what they read, and the very folder that we write to."""
    writes.mkdir(parents=True, exist_ok=True)
    token = writes / f".seen-{uuid.uuid4().hex}"
    token.touch()
    try:
        for path in (token, *reads):
            blind = [worker for worker, seen in _ask(client, path.absolute().exists).items() if not seen]
            if blind:
                place = writes if path is token else path
                raise UserError(
                    f"worker {blind[0]} does not see {place.absolute()}; "
                    "put it on a file system that all machines share"
                )
    finally:
        token.unlink()


def _ask(client: Client, question: Callable[[], Any]) -> dict[str, Any]:
    """Have every worker answer a question.

    Raises
    ------
    UserError
        A worker lacks this program.
    """
    try:
        answers: dict[str, Any] = client.run(question)
    except ImportError as error:
        raise UserError(
            f"a worker cannot import what it needs ({error}); install vo-emline in its environment"
        ) from error
    return answers
