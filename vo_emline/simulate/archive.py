"""Simulated archives on disk: FITS files like those of both instruments, labels and the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from vo_emline.files import write_bytes, write_text
from vo_emline.labels import ONDREJOV_CODES
from vo_emline.progress import track
from vo_emline.simulate.files import lamost_bytes, lamost_records, ondrejov_bytes, ondrejov_records
from vo_emline.simulate.instruments import ONDREJOV_PIXELS, Release
from vo_emline.simulate.population import FRACTIONS, SKY_FRACTIONS, Exposures, draw_exposures, draw_stars
from vo_emline.simulate.stars import Stars
from vo_emline.simulate.truth import LAMOST_PIXEL, at_survey_resolution, truth_table, write_truth

LABELS_FILE: Final = "labels.csv"
TRUTH_FILE: Final = "truth.csv"
RELEASES: Final[tuple[Release, ...]] = ("dr1", "dr7", "dr10")

_CHUNK: Final = 64

File = tuple[str, str, bytes]
"""Name, publisher dataset identifier (or nothing) and content of a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A simulated archive on disk."""

    directory: Path
    files: tuple[Path, ...]
    truth: pa.Table
    """One row per file: ``file``, ``publisher_did`` and what :func:`truth_table` gives."""
    labels: Path | None = None
    """CSV of ``id,label`` in the codes of the published labels (Ondřejov only)."""


def write_ondrejov(
    directory: Path,
    *,
    n_stars: int,
    per_star: int = 3,
    seed: int = 0,
    fractions: Mapping[str, float] = FRACTIONS,
) -> Archive:
    """Write an Ondřejov-like archive: FITS tables, ``labels.csv`` and ``truth.csv``.

    Every file is written whole or not at all, the truth last; a second call
    with the same arguments writes the same bytes.

    Parameters
    ----------
    directory
        Where to; made if need be.
    n_stars, per_star
        Number of stars, and of spectra of each.
    seed
        Decides everything.
    fractions
        Shares of the families of stars.
    """
    stars = draw_stars(n_stars, seed=seed, survey="ondrejov", fractions=fractions)
    exposures = draw_exposures(stars, seed=seed, per_star=per_star, survey="ondrejov")
    pixel = ONDREJOV_PIXELS["SITe"][1]

    def files(chunk: Exposures, first: int) -> Iterable[File]:
        for record in ondrejov_records(stars, chunk, first=first, seed=seed):
            yield record.file_name, record.publisher_did, ondrejov_bytes(record)

    def truth(chunk: Exposures) -> pa.Table:
        return truth_table(stars, at_survey_resolution(chunk), survey="ondrejov", seed=seed, pixel=pixel)

    archive = _write(directory, exposures, files=files, truth=truth, description="simulate Ondřejov spectra")
    labels = _write_labels(directory / LABELS_FILE, archive.truth)
    return Archive(directory=directory, files=archive.files, truth=archive.truth, labels=labels)


def write_lamost(
    directory: Path,
    *,
    n_stars: int,
    per_star: int = 1,
    seed: int = 0,
    fractions: Mapping[str, float] = SKY_FRACTIONS,
    releases: Sequence[Release] = RELEASES,
    stars: Stars | None = None,
    first: int = 0,
) -> Archive:
    """Write a LAMOST-like archive in the layouts of `releases`, taken in turn, and ``truth.csv``.

    Parameters
    ----------
    directory, n_stars, per_star, seed, fractions
        As for :func:`write_ondrejov`.
    releases
        ``dr1`` (image with a normalised row), ``dr7`` (image with a
        wavelength row) and ``dr10`` (gzipped ``COADD`` table).
    stars
        Stars to choose the first `n_stars` of, instead of drawing them: so that both
        instruments see the same ones.
    first
        Running number of the first file, where the files are a part of a larger archive: it makes plate,
        fibre and observation identifier.
    """
    if stars is None:
        stars = draw_stars(n_stars, seed=seed, survey="lamost", fractions=fractions)
    else:
        stars = stars.take(slice(n_stars))
    exposures = draw_exposures(stars, seed=seed, per_star=per_star, survey="lamost")

    def files(chunk: Exposures, offset: int) -> Iterable[File]:
        for record in lamost_records(stars, chunk, first=first + offset, seed=seed, releases=releases):
            yield record.file_name, "", lamost_bytes(record)

    def truth(chunk: Exposures) -> pa.Table:
        return truth_table(stars, chunk, survey="lamost", seed=seed, pixel=LAMOST_PIXEL)

    return _write(directory, exposures, files=files, truth=truth, description="simulate LAMOST spectra")


def _write(
    directory: Path,
    exposures: Exposures,
    *,
    files: Callable[[Exposures, int], Iterable[File]],
    truth: Callable[[Exposures], pa.Table],
    description: str,
) -> Archive:
    """Write the files chunk by chunk and the truth of all of them."""
    paths: list[Path] = []
    tables: list[pa.Table] = []
    for first in track(range(0, len(exposures), _CHUNK), description, unit=f"× {_CHUNK} spectra"):
        chunk = exposures.take(slice(first, first + _CHUNK))
        names, dids = [], []
        for name, did, content in files(chunk, first):
            write_bytes(directory / name, content)
            names.append(name)
            dids.append(did)
        paths += [directory / name for name in names]
        tables.append(_identify(truth(chunk), names, dids))
    table = pa.concat_tables(tables)
    write_truth(directory / TRUTH_FILE, table)
    return Archive(directory=directory, files=tuple(paths), truth=table)


def _identify(truth: pa.Table, names: list[str], dids: list[str]) -> pa.Table:
    with_file = truth.add_column(0, "file", pa.array(names, pa.string()))
    return with_file.add_column(1, "publisher_did", pa.array(dids, pa.string()))


def _write_labels(path: Path, truth: pa.Table) -> Path:
    """Write ``id,label`` with the codes of the published labels; doubtful cases are *unknown*."""
    code = {name: number for number, name in ONDREJOV_CODES.items()}
    rows = truth.select(["publisher_did", "label", "doubtful"]).to_pylist()
    lines = [f"{row['publisher_did']},{code['unknown' if row['doubtful'] else row['label']]}" for row in rows]
    write_text(path, "\n".join(["id,label", *lines]) + "\n")
    return path
