"""One process at a time for each part of a survey, as far as the file system can tell."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final

from vo_emline.errors import UserError

WHOLE: Final = ".lock"
"""File on which those that do a part of a survey hold a shared lock, and who does all an exclusive one."""


@contextmanager
def locked(directory: Path, *, part: tuple[int, int] | None = None) -> Iterator[None]:
    """Keep others out of a survey, or of a part of it, until the end of the block or of the process.

    Parameters
    ----------
    directory
        The directory of the survey; made where it is missing.
    part
        (i, n) where one of n parts is worked on; None for the whole.

    Raises
    ------
    UserError
        Another process is at work on it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        _take(stack, directory / WHOLE, exclusive=part is None, directory=directory)
        if part is not None:
            name = f"{WHOLE}-{part[0]}-of-{part[1]}"
            _take(stack, directory / name, exclusive=True, directory=directory)
        yield


def remove_locks(directory: Path) -> None:
    """Remove the files of locks on parts; nobody may be at work on a part then."""
    for path in directory.glob(f"{WHOLE}-*"):
        path.unlink(missing_ok=True)


def _take(stack: ExitStack, path: Path, *, exclusive: bool, directory: Path) -> None:
    file: IO[bytes] = stack.enter_context(path.open("ab"))
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UserError(
            f"another process is at work on {directory}; let it finish, or give each process "
            "a part of its own (--shard 1/2, --shard 2/2)"
        ) from error
    except OSError:  # a file system without locks: the work is idempotent, only some of it is done twice
        return
