"""Files that say which process may do what."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from vo_emline.errors import UserError


def hold(path: Path) -> IO[str]:
    """Hold a lock file for this process; closing the file lets it go.

    Raises
    ------
    UserError
        Another service holds it.
    """
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        message = f"another service uses {path.parent}; set state_directory to another folder"
        raise UserError(message) from error
    return file
