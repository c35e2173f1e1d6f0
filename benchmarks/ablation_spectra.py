"""The spectra of the ablation: real ones in two halves, and simulated ones to train on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vo_emline.evaluate import Trial, make_trial
from vo_emline.evaluate.data import gather_spectra
from vo_emline.labels import LABELS
from vo_emline.preprocess import PreprocessOptions, WindowSet, concatenate
from vo_emline.preprocess.prepare import prepare
from vo_emline.simulate import draw_exposures, draw_stars, simulate_windows
from vo_emline.simulate.files import OndrejovRecord, ondrejov_records
from vo_emline.simulate.truth import LAMOST_PIXEL, at_survey_resolution, truth_table
from vo_emline.spectra import Identity, Spectrum
from vo_emline.spectra.ondrejov import CCD700, RESOLVING_POWER
from vo_emline.training import Examples, simulated_examples
from vo_emline.training.examples import stars_of

CHUNK = 500
"""Simulated Ondřejov spectra that are held at once."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The real spectra of the survey, split in two by star."""

    negatives: Callable[[PreprocessOptions], WindowSet]
    """Give the windows of those without emission, prepared so."""
    half_of: dict[str, int]
    """File → half."""

    @classmethod
    def open(cls, paths: tuple[Path, ...], labels: Path) -> Ground:
        """Read the survey's spectra; `labels` names those with emission."""

        @cache
        def read(settings: str) -> WindowSet:
            options = PreprocessOptions.model_validate_json(settings)
            return gather_spectra(paths, labels, preprocess=options).negatives

        def negatives(options: PreprocessOptions) -> WindowSet:
            # spectra of the survey are not blurred, whatever is done to finer ones
            return read(options.model_copy(update={"lsf": "physical"}).model_dump_json())

        identity = negatives(PreprocessOptions()).identity
        star = stars_of(identity)
        half = np.random.default_rng(5).permutation(star.max() + 1) % 2
        names = identity["source"].to_pylist()
        return cls(negatives, dict(zip(names, half[star].tolist(), strict=True)))

    def half(self, windows: WindowSet) -> npt.NDArray[np.int64]:
        """Tell which half, 0 or 1, each window is in; no star is in both."""
        return np.array([self.half_of[name] for name in windows.identity["source"].to_pylist()])

    def trial(self, options: PreprocessOptions, *, seed: int) -> Trial:
        """Give negatives, degraded ones and injections on windows prepared so."""
        return make_trial(self.negatives(options), seed=seed, options=options)


@cache
def simulated(n: int, *, seed: int, lamost: bool, varied: bool, settings: str) -> Examples:
    """Simulate training spectra; `settings` is the JSON of how their windows are prepared."""
    options = PreprocessOptions.model_validate_json(settings)
    if lamost:
        return simulated_examples(simulate_windows(n, seed=seed, varied=varied), options=options)
    return ondrejov_examples(n, seed=seed, options=options)


def ondrejov_examples(n: int, *, seed: int, options: PreprocessOptions) -> Examples:
    """Simulate spectra as the Ondřejov camera records them, and prepare their windows."""
    stars = draw_stars(n, seed=seed, survey="ondrejov")
    exposures = draw_exposures(stars, seed=seed, survey="ondrejov")
    windows = []
    for first in range(0, n, CHUNK):
        chunk = exposures.take(slice(first, first + CHUNK))
        records = ondrejov_records(stars, chunk, first=first, seed=seed)
        made, rejects = prepare(map(_spectrum, records), options)
        if rejects:
            raise RuntimeError(f"a simulated spectrum has no window: {rejects[0]}")
        windows.append(made)
    truth = truth_table(
        stars, at_survey_resolution(exposures), survey="ondrejov", seed=seed, pixel=LAMOST_PIXEL
    )
    label = np.array([LABELS.index(name) for name in truth["label"].to_pylist()])
    label[np.array(truth["doubtful"].to_pylist())] = -1
    return Examples.of(concatenate(windows), label, origin="labelled")


def _spectrum(record: OndrejovRecord) -> Spectrum:
    return Spectrum(
        wavelength_vac=record.wavelength_vac,
        flux=record.flux,
        mask=np.zeros(record.flux.size, dtype=bool),
        resolving_power=RESOLVING_POWER[CCD700],
        normalised=True,
        identity=Identity(
            source=record.file_name,
            survey=CCD700,
            object_name=record.object_name,
            ra=record.ra,
            dec=record.dec,
        ),
    )
