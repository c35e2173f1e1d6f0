"""A folder of spectra that somebody wants to look at: classified, and made a release in the user's cache."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

from vo_emline.errors import UserError

KEPT: Final = 5
"""Folders whose releases stay in the cache, the latest."""

_DONE: Final = "release.duckdb"


def classified_release(paths: Iterable[Path], *, model: Path, say: Callable[[str], None]) -> Path:
    """Classify spectra and publish them in the cache; what was done before is used as it is.

    Parameters
    ----------
    paths
        Files and folders of spectra of any layout.
    model
        Folder of the trained model.
    say
        Receives what the user should read.

    Returns
    -------
    Path
        The release.

    Raises
    ------
    UserError
        There is no spectrum that can be classified.
    """
    from vo_emline.runs.publish import find_publication, publish
    from vo_emline.survey import classify_survey

    sources = [path.resolve() for path in paths]
    directory = opened_folder() / _digest(sources, model)
    release = directory / _DONE
    if release.is_file():
        say(f"nothing has changed since it was classified; the release is {release}")
        return release
    classify_survey(sources, directory, model=model, say=say)
    counts = publish(find_publication(directory), output=release)
    if not counts.scores:
        shutil.rmtree(directory)
        raise UserError(
            f"nothing in {', '.join(map(str, sources))} can be classified; "
            "`vo-emline classify` says of each file why"
        )
    say(f"{counts.scores} spectra classified, {counts.candidates} candidates, {counts.rejects} files refused")
    _forget(keep=directory)
    return release


def opened_folder() -> Path:
    """Give the folder of the cache in which releases of opened folders are."""
    return user_cache_path("vo-emline") / "opened"


def _digest(sources: list[Path], model: Path) -> str:
    """Give what changes when a file, or the model, does."""
    found = hashlib.sha256()
    for path in sorted([*_files(sources), *_files([model])]):
        status = path.stat()
        found.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return found.hexdigest()[:16]


def _files(paths: list[Path]) -> list[Path]:
    return [
        file for path in paths for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()
    ]


def _forget(*, keep: Path) -> None:
    """Remove the oldest releases of the cache."""
    folders = sorted(opened_folder().iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in [folder for folder in folders if folder != keep][KEPT - 1 :]:
        shutil.rmtree(folder)
