"""Learning the second stage of a model from unlabelled survey spectra."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.errors import EmlineError
from vo_emline.labels import LABELS
from vo_emline.measure.matched import stands_out
from vo_emline.measure.nebula import p_nebular
from vo_emline.preprocess.windows import WindowSet
from vo_emline.simulate.degrade import degrade
from vo_emline.simulate.hosts import can_host
from vo_emline.simulate.injection import inject
from vo_emline.simulate.training_population import FRACTIONS, NO_EMISSION
from vo_emline.simulate.truth import VISIBLE
from vo_emline.training.classifier import SECOND_STAGE, Classifier
from vo_emline.training.description import add_part
from vo_emline.training.expected import ExpectedAbsorption, Told, excess, learn, observe
from vo_emline.training.options import EVEN
from vo_emline.training.second_stage import SecondStage, fit_second_stage

logger = logging.getLogger(__name__)

INJECTIONS: Final = 6000
"""Emission lines put into the survey's spectra; half as many into the same with lower S/N."""

Network = Callable[[WindowSet], npt.NDArray[np.floating]]

EMITTERS: Final = tuple(name for name in FRACTIONS if name not in NO_EMISSION)
"""Families of emission that are put in, in equal shares: all that the network was shown."""

LEAST_NEBULAR: Final = 0.5
"""Spectra over which a nebula is as probable as this are no negatives: their lines are emission."""

COPIES: Final = 3
"""Copies with lower S/N of each spectrum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """Spectra whose truth is known, with what the rest of each says."""

    windows: WindowSet
    excess: npt.NDArray[np.float64]
    """Excess over the absorption expected, shape (n, 2)."""
    emission: bool
    shape: npt.NDArray[np.int64] | None = None
    """Class of lines whose shape is beyond doubt, -1 of others, shape (n,); None where there are none."""


def add_second_stage(
    directory: Path, survey: WindowSet, *, seed: int, injections: int = INJECTIONS
) -> Classifier:
    """Learn a second stage from survey spectra and add it to the model in `directory`.

    Parameters
    ----------
    directory
        Folder of a trained model; it stays as it is where the survey has too few spectra to learn from.
    survey
        Windows of survey spectra with their spectral indices, without those of stars known to emit.
    seed
        The same seed gives the same second stage.
    injections
        Emission lines put into the spectra.

    Returns
    -------
    Classifier
        The model as it is now.
    """
    classifier = Classifier.load(directory)
    second = learn_second_stage(
        lambda windows: classifier.predict_proba(windows.flux, shares=EVEN),
        survey,
        seed=seed,
        injections=injections,
    )
    if second is None:
        logger.warning(
            "fewer than 40 survey spectra show the blue, too: the model does without expected absorption"
        )
        return classifier
    add_part(directory, SECOND_STAGE, second.arrays())
    return Classifier.load(directory)


def learn_second_stage(
    network: Network, survey: WindowSet, *, seed: int, injections: int = INJECTIONS
) -> SecondStage | None:
    """Learn from survey spectra, of which hardly any has emission, how deep Hα is without.

    Every spectrum is compared with what the others say of it (leave one out),
    as it is and with emission put in; and the same at lower S/N.

    Parameters
    ----------
    network
        Gives probabilities by the windows alone where classes are equally frequent, shape (n, 3).
    survey, seed, injections
        As for :func:`add_second_stage`.

    Returns
    -------
    SecondStage or None
        None where the survey has too few spectra to learn from.
    """
    found = learn(survey, seed=seed)
    if found is None:
        return None
    samples = _samples(*found, survey, seed=seed, injections=injections)
    probabilities = [network(one.windows) for one in samples]
    return fit_second_stage(
        found[0],
        np.concatenate(probabilities),
        np.concatenate([one.excess for one in samples]),
        np.concatenate([np.full(len(one.windows), one.emission) for one in samples]),
        shape=np.concatenate([_shapes(one) for one in samples]),
    )


def _samples(
    expected: ExpectedAbsorption,
    rows: npt.NDArray[np.int64],
    survey: WindowSet,
    *,
    seed: int,
    injections: int,
) -> list[_Sample]:
    """Gather spectra as they are and with emission, `rows` of which the expectation was learnt from.

    Those that it left out because they lie far from what the others say are negatives all the same, but for
    the few in which the window alone shows emission: how far spectra without emission may lie is what the
    second stage has to know.
    """
    told = _predicted(expected, survey)
    for values, left_out in zip(told, expected.left_out(), strict=True):
        values[rows] = left_out
    usable = can_host(survey) & np.isfinite(told.ew).all(axis=1) & ~stands_out(survey)
    hosts = np.flatnonzero(usable & (np.nan_to_num(p_nebular(survey)) < LEAST_NEBULAR))
    told = told.of(hosts)
    plain = survey.take(hosts)
    lit = inject(plain, injections, seed=seed + 1, kinds=EMITTERS)
    worse = degrade(plain, seed=seed + 2, copies=COPIES)
    samples = [
        _Sample(windows=plain, excess=excess(told, observe(plain)), emission=False),
        _visible(lit.windows, excess(told.of(lit.host), observe(lit.windows)), lit.truth),
    ]
    if len(worse):
        dim = inject(worse, injections // 2, seed=seed + 3, kinds=EMITTERS)
        samples += [
            _Sample(
                windows=worse, excess=excess(_predicted(expected, worse), observe(worse)), emission=False
            ),
            _visible(dim.windows, excess(_predicted(expected, dim.windows), observe(dim.windows)), dim.truth),
        ]
    return samples


def _predicted(expected: ExpectedAbsorption, windows: WindowSet) -> Told:
    """Give what is expected of spectra."""
    if windows.indices is None:
        raise EmlineError("spectra without spectral indices cannot teach what to expect of them")
    return expected.predict(windows.indices)


def _visible(windows: WindowSet, excess: npt.NDArray[np.float64], truth: pa.Table) -> _Sample:
    """Keep the lines that are strong enough to be seen at all."""
    rows = np.flatnonzero(np.array(truth["ew_significance"]) > VISIBLE)
    label = np.array([LABELS.index(name) for name in truth["label"].to_pylist()], dtype=np.int64)
    shape = np.where(np.array(truth["clear"]), label, -1)
    return _Sample(windows=windows.take(rows), excess=excess[rows], emission=True, shape=shape[rows])


def _shapes(sample: _Sample) -> npt.NDArray[np.int64]:
    return np.full(len(sample.windows), -1) if sample.shape is None else sample.shape
