"""Folders for what a process needs while it lives, cleared away after it also where it was killed.

Each holds a lock file, which its process holds and lets go of however it ends. Who makes a new one removes
those beside it that nobody holds any more, and no others.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from service.files import hold
from vo_emline.errors import UserError

PREFIX: Final = "vo-emline-"
"""How the names of such folders begin."""
LOCK: Final = "held"
"""Name of the lock file in each."""


class Scratch:
    """A folder of this process.

    Parameters
    ----------
    beside
        Where it is made; by default where the system keeps temporary files (TMPDIR).

    Attributes
    ----------
    path
        The folder.

    Raises
    ------
    UserError
        None can be made.
    """

    def __init__(self, beside: Path | None = None) -> None:
        try:
            parent = beside or Path(tempfile.gettempdir())
            parent.mkdir(parents=True, exist_ok=True)
            clear_abandoned(parent)
            self.path, self._lock = _made(parent)
        except OSError as error:
            raise UserError(
                f"there is no place for temporary files: {error.strerror}; free some, or set TMPDIR"
            ) from error

    def cleanup(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cleanup()


def clear_abandoned(parent: Path) -> None:
    """Remove the folders in `parent` whose process has ended."""
    for lock in parent.glob(f"{PREFIX}*/{LOCK}"):
        with suppress(OSError, UserError), hold(lock) as held:  # somebody else's, or in use
            if _is_at(held, lock) and lock.parent.stat().st_uid == os.geteuid():
                shutil.rmtree(lock.parent, ignore_errors=True)


def _made(parent: Path) -> tuple[Path, IO[str]]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        with suppress(FileNotFoundError, UserError):  # another process cleared it away before it was held
            held = hold(path / LOCK)
            if _is_at(held, path / LOCK):
                return path, held
            held.close()


def _is_at(file: IO[str], path: Path) -> bool:
    """Tell whether the open `file` is the one that lies at `path`."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
