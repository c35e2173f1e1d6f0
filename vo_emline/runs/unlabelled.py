"""Unlabelled spectra of the survey that take part in training: drawn, read and prepared."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final

import numpy as np

from vo_emline.errors import UserError
from vo_emline.preprocess import PreprocessOptions, WindowSet, concatenate
from vo_emline.progress import track
from vo_emline.survey import WindowStore, prepare_files

CHUNK: Final = 500
"""Files that are read together."""

SPARE: Final = 1.2
"""So many times the wanted number of files are drawn, for those that turn out to have no window."""


def draw_unlabelled(
    survey: Sequence[Path] | WindowStore, n: int, *, preprocess: PreprocessOptions
) -> WindowSet:
    """Prepare the windows of `n` spectra of a survey, or of all where there are no more.

    Which ones depends on the names of the files alone, not on their order or
    on where they lie: a store of windows gives the spectra that its files give.

    Raises
    ------
    UserError
        None of the spectra has a window, or a store was made with other settings.
    """
    if isinstance(survey, WindowStore):
        survey.require(preprocess)
        windows = _of_store(survey, n)
    else:
        windows = _of_files(survey, n, preprocess=preprocess)
    if not len(windows):
        raise UserError("none of the unlabelled spectra has a window around Hα; give others")
    return windows


def _of_files(files: Sequence[Path], n: int, *, preprocess: PreprocessOptions) -> WindowSet:
    drawn = [str(path) for path in heapq.nsmallest(int(SPARE * n), files, key=lambda path: _lot(path.name))]
    chunks = [drawn[first : first + CHUNK] for first in range(0, len(drawn), CHUNK)]
    parts = [prepare_files(chunk, preprocess).windows for chunk in track(chunks, "reading the survey")]
    windows = concatenate(parts)
    return windows.take(np.arange(min(n, len(windows))))


def _of_store(store: WindowStore, n: int) -> WindowSet:
    """Pick of each piece of the store what is drawn, so that no more than that is held."""
    lots = [_lots(part.identity["source"].to_pylist()) for part in store.windows()]
    everything = np.concatenate([*lots, np.empty(0, dtype=np.uint64)])
    limit = np.partition(everything, n - 1)[n - 1] if everything.size > n else np.iinfo(np.uint64).max
    parts = [part.take(np.flatnonzero(lot <= limit)) for part, lot in zip(store.windows(), lots, strict=True)]
    windows = concatenate(parts)
    return windows.take(np.argsort(_lots(windows.identity["source"].to_pylist()), kind="stable")[:n])


def _lots(sources: Iterable[str]) -> np.ndarray:
    return np.array([_lot(Path(source).name) for source in sources], dtype=np.uint64)


def _lot(name: str) -> int:
    """Draw a number for a file, by its name."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest())
