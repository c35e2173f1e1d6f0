"""Writing files so that no reader and no interruption ever sees half of one."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vo_emline.errors import UserError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` and rename it to `path` on success.

    On any exception (a keyboard interrupt too) the temporary file is removed
    and `path` keeps what it held before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:  # tell of the file that was wanted
        raise OSError(error.errno, error.strerror, str(path)) from error
    os.close(handle)
    temporary = Path(name)
    temporary.chmod(0o644)
    try:
        yield temporary
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Say what to do where writing `path` fails for want of room.

    Raises
    ------
    UserError
        The disk is full, a quota is used up, or the file may not grow so large.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise UserError(
            f"no room to write {path} ({_NO_ROOM[error.errno]}); make room and start the same command again: "
            "what is finished is kept"
        ) from error


_NO_ROOM = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    errno.EFBIG: "the file may not grow so large",
}


def require_writable(path: Path) -> None:
    """See, before long work, that its result can be written to `path`.

    Raises
    ------
    UserError
        It is a folder, or its folder cannot be made or written to.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder; give the name of a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; give another place") from error


def require_space(directory: Path, needed: int) -> None:
    """See, before long work, that `needed` bytes fit on the disk of `directory`.

    Raises
    ------
    UserError
        They do not.
    """
    place = next(path for path in (directory.absolute(), *directory.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    if needed > free:
        raise UserError(
            f"{directory} needs {needed / 1e9:.1f} GB of disk and {free / 1e9:.1f} GB are free; "
            "give another place, or ask for less"
        )


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write `content` to `path` atomically, as UTF-8."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON to `path` atomically."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def digest(*parts: Any) -> str:
    """Give a digest of JSON-like values: equal inputs, equal digest."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def files_digest(paths: Iterable[Path]) -> str:
    """Give a digest of files by name, size and time of change, without reading them."""
    return digest(
        [(str(path), status.st_size, status.st_mtime_ns) for path in paths for status in (path.stat(),)]
    )
