"""Letting astropy's complaints about a file pass without losing them."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

logger = logging.getLogger(__name__)

_LOCK: Final = threading.RLock()
"""The filters of :mod:`warnings` belong to the whole process; threads take turns."""


@contextmanager
def warnings_collected(source: str) -> Iterator[list[warnings.WarningMessage]]:
    """Collect the warnings of a block instead of showing them; they are logged at debug level.

    The archives' files are rarely valid to the letter. What matters is
    checked on the result.

    Parameters
    ----------
    source
        The file being read.
    """
    heard: list[warnings.WarningMessage] = []
    try:
        with _LOCK, warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            yield heard
    finally:
        for warning in heard:
            logger.debug("%s: %s", source, warning.message)
