"""The embedded archive of the demonstration: spectra of both instruments with known truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
from pyarrow import parquet

from vo_emline.files import atomic_path
from vo_emline.simulate import FRACTIONS, draw_stars, write_lamost, write_ondrejov
from vo_emline.simulate.archive import LABELS_FILE

TRAINING_SEED, SURVEY_SEED, COMMON_SEED = 700, 2202, 401
COMMON: Final = 8
"""Stars that both instruments have seen, for the figure of the adaptation."""

SURVEY_FRACTIONS: Final = {
    "normal": 0.84,
    "featureless": 0.03,
    "single": 0.04,
    "disk": 0.04,
    "shell": 0.008,
    "p-cygni": 0.007,
    "filled-core": 0.01,
    "nebular": 0.015,
    "chromospheric": 0.01,
}
"""Families of the simulated survey: 13 % with emission instead of the sky's 0.3–1 %, so that one thousand
spectra measure the completeness."""


@dataclass(frozen=True, slots=True)
class DemoArchive:
    """Where the simulated spectra lie, and what is true of them."""

    root: Path

    @property
    def training(self) -> Path:
        """Ondřejov-like spectra, FITS."""
        return self.root / "ondrejov"

    @property
    def survey(self) -> Path:
        """LAMOST-like spectra, FITS in three layouts."""
        return self.root / "lamost"

    @property
    def common(self) -> Path:
        """The same, of a few stars of the training archive; part of the survey."""
        return self.survey / "common"

    @property
    def labels(self) -> Path:
        """CSV of ``id,label`` for the training spectra."""
        return self.training / LABELS_FILE

    @property
    def truth(self) -> Path:
        """What is true of the survey; written last."""
        return self.root / "truth.parquet"

    def read_truth(self) -> pa.Table:
        """Read what is true of the survey."""
        return parquet.read_table(self.truth)


def simulate_archive(root: Path, *, training_stars: int, survey_stars: int) -> DemoArchive:
    """Simulate both archives, unless they are there already.

    Parameters
    ----------
    root
        Folder for both.
    training_stars
        Stars of the Ondřejov-like archive, two spectra each.
    survey_stars
        Stars of the LAMOST-like survey, one spectrum each.
    """
    archive = DemoArchive(root)
    wanted = {b"stars": f"{training_stars} {survey_stars}".encode()}
    if (
        archive.truth.is_file()
        and (parquet.read_schema(archive.truth).metadata or {}).items() >= wanted.items()
    ):
        return archive
    write_ondrejov(archive.training, n_stars=training_stars, per_star=2, seed=TRAINING_SEED)
    stars = draw_stars(training_stars, seed=TRAINING_SEED, survey="ondrejov", fractions=FRACTIONS)
    write_lamost(archive.common, n_stars=COMMON, seed=COMMON_SEED, stars=stars)
    survey = write_lamost(archive.survey, n_stars=survey_stars, seed=SURVEY_SEED, fractions=SURVEY_FRACTIONS)
    with atomic_path(archive.truth) as temporary:
        parquet.write_table(survey.truth.replace_schema_metadata(wanted), temporary)
    return archive
