"""The evaluation of a trained run on real spectra of the survey: everything measured, as plain data."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.errors import DataError, UserError
from vo_emline.evaluate import (
    Judge,
    Trial,
    Verdicts,
    detector_judge,
    headline,
    leak,
    linear_judge,
    make_trial,
    measure_judge,
    network_judge,
)
from vo_emline.evaluate.data import Spectra, gather_emission, gather_spectra, seen_in_training
from vo_emline.evaluate.lines import evaluate_lines
from vo_emline.evaluate.observed import measure_observed
from vo_emline.evaluate.trial import INJECTIONS, NETWORK, WINDOW_ALONE, Evaluation
from vo_emline.labels import ABSORPTION, LABELS
from vo_emline.preprocess import PreprocessOptions, WindowSet
from vo_emline.rundir import RunDirectory
from vo_emline.runs.examples import read_examples
from vo_emline.runs.train import learnt_from
from vo_emline.survey import SurveyOptions
from vo_emline.training import Classifier, Examples
from vo_emline.training.examples import stars_of
from vo_emline.training.expected import HALF_WIDTHS, observe
from vo_emline.training.metrics import evaluate
from vo_emline.training.second_stage import SecondStage

logger = logging.getLogger(__name__)

LEAST_LABELLED: Final = 100
"""With fewer labelled spectra the leak of a random split cannot be shown."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """A judge, and how the windows it judges are prepared."""

    judge: Judge
    preprocess: PreprocessOptions


@dataclass(frozen=True, slots=True)
class Taught:
    """What a run learnt from, as far as it is at hand."""

    examples: Examples | None
    """Its training set."""
    others: pa.Table | None
    """Spectra that taught its expectation."""

    @classmethod
    def of(cls, directory: RunDirectory) -> Taught:
        """Read it."""
        return cls(_training_set(directory), learnt_from(directory.training))

    def seen(self, windows: WindowSet) -> npt.NDArray[np.bool_]:
        """Tell the windows of stars that are among it (:func:`~vo_emline.evaluate.data.seen_in_training`)."""
        return seen_in_training(windows, self.examples, others=self.others)


def evaluate_run(
    run: Path,
    negatives: Sequence[Path],
    *,
    labels: Path | None = None,
    rivals: Sequence[Path] = (),
    emission: Sequence[Path] = (),
    held_out: bool = False,
    seed: int = 0,
    injections: int = INJECTIONS,
    say: Say = logger.info,
) -> Evaluation:
    """Measure the network of a run, the baselines and other runs on the same real spectra.

    Parameters
    ----------
    run
        Directory of a trained run.
    negatives
        Files or folders of survey spectra without emission, or a store of windows.
    labels
        CSV of ``id,label`` for some of them: those with emission, or unknown,
        are no negatives; those with a label are measured by star.
    rivals
        Directories of other trained runs. Those that want other windows get
        them, of the same spectra and injections; a store cannot give them.
    emission
        Files or folders of real spectra with emission: judged themselves, and their profiles put into the
        negatives. Where `labels` calls one of them something else, it is passed over.
    held_out
        Leave out the negatives of stars that the run was trained on. They are
        counted in any case, where the training set is at hand.
    seed
        Decides injections and noise.
    injections
        How many.
    say
        Receives what the user should read.

    Raises
    ------
    UserError
        There is no model, no negative, or no spectrum that emission can be put into.
    """
    directory = RunDirectory(run)
    classifier = Classifier.load(directory.model)
    taught = Taught.of(directory)

    @cache
    def ground(settings: PreprocessOptions) -> tuple[Spectra, Trial]:
        gathered = gather_spectra(negatives, labels, preprocess=settings)
        if held_out:
            gathered = gathered.without(taught.seen(gathered.negatives))
        return gathered, make_trial(gathered.negatives, seed=seed, injections=injections, options=settings)

    spectra, trial = ground(classifier.description.preprocess)
    say(f"{len(spectra.negatives)} real negatives, {injections} injections into them")
    if seen := int(taught.seen(spectra.negatives).sum()):
        say(f"{seen} of the negatives are of stars the run was trained on; leave them out with --held-out")
    entrants = _entrants(classifier, taught.examples, rivals, seed=seed)
    say(f"judges: {', '.join(entrants)}")
    grounds = {name: (entrant.judge, *ground(entrant.preprocess)) for name, entrant in entrants.items()}
    found = {name: measure_judge(judge, own) for name, (judge, _, own) in grounds.items()}
    labelled = {name: (judge, own.labelled) for name, (judge, own, _) in grounds.items()}
    data = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "model": classifier.description.model_dump(mode="json"),
        **_measured_on(spectra, trial, taught),
        "headline": headline(found),
        "judges": found,
        "expected": compare_expected(classifier, trial),
        "lines": evaluate_lines(classifier, spectra.negatives, seed=seed, lines=2 * injections),
        "labelled": _on_labelled(labelled, seed=seed),
        "observed": _on_observed(
            classifier, emission, spectra.negatives, labels, taught=taught, injections=injections, seed=seed
        ),
        "training": _training_metrics(directory),
        "leak": _leak(taught.examples, seed=seed),
    }
    return Evaluation(data=data, trial=trial)


def _measured_on(spectra: Spectra, trial: Trial, taught: Taught) -> dict[str, Any]:
    """Say on what a run is measured, and how much of it the run has learnt from."""
    return {
        "survey_options": SurveyOptions().model_dump(mode="json"),
        "training_known": taught.examples is not None,
        "negatives": spectra.describe() | {"seen_in_training": int(taught.seen(spectra.negatives).sum())},
        "degraded": len(trial.degraded),
        "injections": len(trial.injections),
    }


def _on_observed(
    classifier: Classifier,
    paths: Sequence[Path],
    hosts: WindowSet,
    labels: Path | None,
    *,
    taught: Taught,
    injections: int,
    seed: int,
) -> dict[str, Any] | None:
    """Measure the network on real emission, where there is any, and tell how much of it is blind."""
    if not paths:
        return None
    preprocess = classifier.description.preprocess
    windows = gather_emission(paths, labels, preprocess=preprocess)
    found = measure_observed(
        network_judge(classifier),
        windows,
        hosts,
        n=injections,
        seed=seed,
        options=preprocess,
        unchecked=network_judge(classifier.unchecked()),
    )
    return {**found, "seen_in_training": int(taught.seen(windows).sum())}


def _training_set(directory: RunDirectory) -> Examples | None:
    """Read what the run was trained on, where it is at hand."""
    try:
        return read_examples(directory.training)
    except (OSError, DataError) as error:
        logger.warning("no baselines of the training set, which cannot be read: %s", error)
        return None


def _entrants(
    classifier: Classifier, examples: Examples | None, rivals: Sequence[Path], *, seed: int
) -> dict[str, Entrant]:
    judges = {NETWORK: network_judge(classifier), "classical detector": detector_judge()}
    if classifier.second_stage is not None:
        judges[WINDOW_ALONE] = network_judge(classifier.of_windows_alone())
    if examples is not None:
        judges["logistic regression"] = linear_judge(examples, seed=seed)
    preprocess = classifier.description.preprocess
    entrants = {name: Entrant(judge=judge, preprocess=preprocess) for name, judge in judges.items()}
    for path in rivals:
        if path.name in entrants:
            raise UserError(f"two judges are called {path.name}; rename the folder of one")
        rival = Classifier.load(RunDirectory(path).model)
        entrants[path.name] = Entrant(judge=network_judge(rival), preprocess=rival.description.preprocess)
    return entrants


def _on_labelled(judges: Mapping[str, tuple[Judge, Examples]], *, seed: int) -> dict[str, Any] | None:
    """Measure the judges on real labelled spectra, with intervals by star, and list those with emission."""
    labelled = judges[NETWORK][1]
    if not len(labelled):
        return None
    verdicts = {name: judge(examples.windows) for name, (judge, examples) in judges.items()}
    return {
        "judges": {name: _by_star(judges[name][1], found, seed=seed) for name, found in verdicts.items()},
        "positives": _positives(labelled, verdicts[NETWORK]),
    }


def _by_star(labelled: Examples, verdicts: Verdicts, *, seed: int) -> dict[str, Any]:
    star = stars_of(labelled.windows.identity)
    return evaluate(labelled.label, np.eye(len(LABELS))[verdicts.label], star, seed=seed)


def _positives(labelled: Examples, verdicts: Verdicts) -> list[dict[str, Any]]:
    sources = labelled.windows.identity["source"].to_pylist()
    return [
        {
            "source": Path(sources[row]).name,
            "label": LABELS[labelled.label[row]],
            "found": LABELS[verdicts.label[row]],
            "score": float(verdicts.score[row]),
            "uncertain": bool(verdicts.uncertain[row]),
        }
        for row in np.flatnonzero(labelled.label != ABSORPTION).tolist()
    ]


def _training_metrics(directory: RunDirectory) -> dict[str, Any] | None:
    if not directory.metrics.is_file():
        return None
    metrics: dict[str, Any] = json.loads(directory.metrics.read_text(encoding="utf-8"))
    return metrics


def _leak(examples: Examples | None, *, seed: int) -> dict[str, Any] | None:
    """Show the leak on labelled spectra, where there are enough of each class."""
    if examples is None:
        return None
    rows = np.flatnonzero(np.array(examples.origin) == "labelled")
    labelled = examples.take(rows)
    if len(labelled) < LEAST_LABELLED or np.bincount(labelled.label, minlength=len(LABELS)).min() < len(
        LABELS
    ):
        return None
    return leak(labelled, seed=seed)


LINE: Final = len(HALF_WIDTHS) - 1
"""Which of the half widths is shown: that of the line."""

CORE_FILLING: Final = (5.0, 20.0)
"""Range of |EW|/σ(EW) of the injections that are shown."""


def compare_expected(classifier: Classifier, trial: Trial) -> dict[str, Any] | None:
    """Compare the equivalent widths that are expected with those that are.

    Returns
    -------
    dict or None
        JSON-ready: ``half_width`` (Å), ``known`` (share of the negatives of which something is
        expected) and by group ``groups``: ``expected`` and ``observed`` (Å), ``excess`` (standard
        deviations). None for a model without expectations.
    """
    second = classifier.second_stage
    if second is None or trial.negatives.indices is None:
        return None
    truth = trial.injections.truth
    significance = np.array(truth["ew_significance"])
    inside = (significance > CORE_FILLING[0]) & (significance < CORE_FILLING[1])
    hidden = np.flatnonzero(inside & ~np.array(truth["sticks_out"]))
    groups = {
        "real negatives": _compare(second, trial.negatives),
        "with emission that only fills the core": _compare(second, trial.injections.windows.take(hidden)),
    }
    known = len(groups["real negatives"]["expected"]) / max(len(trial.negatives), 1)
    return {"half_width": HALF_WIDTHS[LINE], "known": known, "groups": groups}


def _compare(second: SecondStage, windows: WindowSet) -> dict[str, list[float]]:
    excess = second.excess(windows)[:, LINE]
    rows = np.flatnonzero(np.isfinite(excess))
    some = windows.take(rows)
    if some.indices is None or not rows.size:
        return {"expected": [], "observed": [], "excess": []}
    expected = second.expected.predict(some.indices).ew
    found = {
        "expected": expected[:, LINE],
        "observed": observe(some).ew[:, LINE],
        "excess": excess[rows],
    }
    return {name: np.round(values, 3).tolist() for name, values in found.items()}
