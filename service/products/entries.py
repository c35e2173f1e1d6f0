"""The index of spectra: from publisher DIDs to rows, and from rows to files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from service.store import Release
from vo_emline.candidates.columns import SCORES
from vo_emline.spectra import Spectrum, file_of, read


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the index; columns as :data:`~vo_emline.candidates.columns.SPECTRA` describes them."""

    obs_publisher_did: str
    collection: str
    release: str
    target_name: str
    ra: float | None
    dec: float | None
    start_mjd: float | None
    exposure_s: float | None
    wave_min: float
    wave_max: float
    snr_r: float | None
    spectral_class: str
    spectral_subclass: str
    layout: str
    path: Path
    file_size: int | None

    @property
    def file(self) -> Path:
        """The file; `path` also names the part of it where it holds several spectra."""
        return Path(file_of(self.path))

    @property
    def present(self) -> bool:
        """Whether the file is still there, for us to read."""
        return os.access(self.file, os.R_OK)

    @property
    def version(self) -> int:
        """Time of the file's last change, ns; 0 where it is gone."""
        try:
            return self.file.stat().st_mtime_ns
        except OSError:
            return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a spectrum was classified."""

    label: str
    probabilities: tuple[float, float, float]
    """In the order of :data:`vo_emline.labels.LABELS`."""


_COLUMNS = ", ".join(field.name for field in fields(Entry))
_TEXTS = ("collection", "release", "target_name", "spectral_class", "spectral_subclass", "layout")


def find_entries(release: Release, dids: Sequence[str]) -> dict[str, Entry]:
    """Look up spectra by publisher DID; those not in the index are missing from the answer."""
    if len(dids) == 1:  # the index finds one; it is not asked for those that a list may hold
        sql = f"SELECT {_COLUMNS} FROM {release.index} WHERE obs_publisher_did = ?"  # noqa: S608
        given: list[Any] = list(dids)
    else:
        sql = (
            f"SELECT {_COLUMNS} FROM {release.index} WHERE obs_publisher_did IN (SELECT unnest(?::VARCHAR[]))"  # noqa: S608
        )
        given = [list(dids)]
    found = {}
    for row in release.rows(sql, given):
        row |= {name: row[name] or "" for name in _TEXTS}
        entry = Entry(**{**row, "path": Path(row["path"])})
        found[entry.obs_publisher_did] = entry
    return found


def find_verdict(release: Release, did: str) -> Verdict | None:
    """Look up how a spectrum was classified; None where it was not."""
    if release.table(SCORES.qualified_name) is None:
        return None
    sql = f"SELECT label, p_absorption, p_emission, p_double_peak FROM {SCORES.qualified_name} WHERE obs_publisher_did = ?"  # noqa: S608, E501
    for row in release.rows(sql, [did]):
        return Verdict(
            label=row["label"],
            probabilities=(row["p_absorption"], row["p_emission"], row["p_double_peak"]),
        )
    return None


def find_candidates(release: Release, dids: Sequence[str]) -> dict[str, str]:
    """Look up candidate ids by publisher DID; unclassified spectra are missing from the answer."""
    if release.table(SCORES.qualified_name) is None:
        return {}
    sql = f"SELECT obs_publisher_did, candidate_id FROM {SCORES.qualified_name} WHERE obs_publisher_did IN (SELECT unnest(?::VARCHAR[]))"  # noqa: S608, E501
    return {row["obs_publisher_did"]: row["candidate_id"] for row in release.rows(sql, [list(dids)])}


def read_spectrum(entry: Entry) -> Spectrum:
    """Read the file of `entry`.

    Raises
    ------
    FileNotFoundError
        The file is gone.
    DataError
        The file cannot be read any more.
    """
    if not entry.present:
        raise FileNotFoundError(f"the file of {entry.obs_publisher_did} is gone")
    return read(entry.path)


FITS_IMAGE = "image/fits"
FITS_TABLE = "application/fits"


def original_type(layout: str, path: Path) -> str:
    """Give the media type of an original file, by its layout and suffix."""
    if path.suffix.lower() == ".gz":
        return "application/gzip"
    if layout == "votable":
        return "application/x-votable+xml"
    if layout == "text":
        return "text/csv" if path.suffix.lower() == ".csv" else "text/plain"
    return FITS_IMAGE if "image" in layout else FITS_TABLE
