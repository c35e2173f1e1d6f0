"""Absolute paths of millions of files: a folder is looked up once, a file never."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc


def absolute_paths(sources: pa.Array) -> pa.Array:
    """Make paths absolute; links among the folders are followed, a file that is a link is kept.

    Parameters
    ----------
    sources
        Paths; relative ones start from the current folder.
    """
    folders = pc.replace_substring_regex(sources, r"[^/]*$", "").dictionary_encode()
    names = pc.replace_substring_regex(sources, r"^.*/", "")
    resolved = pa.array([_resolved(folder) for folder in folders.dictionary.to_pylist()], pa.string())
    return pc.binary_join_element_wise(resolved.take(folders.indices), names, "")


@lru_cache(maxsize=100_000)
def _resolved(folder: str) -> str:
    """Give the absolute path of a folder, with the slash at its end."""
    return str(Path(folder).resolve()).rstrip("/") + "/"
