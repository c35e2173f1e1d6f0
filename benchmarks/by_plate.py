"""What the model that ships makes of real stars, and of lines in them, expectations blind to their plates.

``make bench-plates SURVEY="dir …" LABELS=csv`` learns the absorption that is expected five times, each from
the spectra without emission of four fifths of the plates, and judges the stars of the other plates. The
network and the few weights of the second stage are those that ship, and have seen them.
"""

from __future__ import annotations

import argparse
import sys
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.errors import UserError
from vo_emline.evaluate.data import gather_spectra
from vo_emline.evaluate.reliability import reliability
from vo_emline.evaluate.trial import CORE_FILLING, STRONG, plates
from vo_emline.labels import LABELS, PROBABILITY_COLUMNS
from vo_emline.preprocess import PreprocessOptions
from vo_emline.preprocess.windows import Prepared, WindowSet
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.simulate.injection import KINDS, Injections, inject
from vo_emline.simulate.truth import VISIBLE
from vo_emline.survey import SurveyOptions, score
from vo_emline.training.classifier import Classifier
from vo_emline.training.expectation import EMITTERS
from vo_emline.training.expected import learn
from vo_emline.training.metrics import proportion
from vo_emline.training.options import EVEN

MIXES = {"as in nature": (KINDS, 2000, 41), "all kinds alike": (EMITTERS, 3000, 42)}
"""Kinds of lines that are put in, how many, and the seed."""


class Said(NamedTuple):
    """What is said of n spectra."""

    positive: BoolArray
    sure: BoolArray
    """Positive and not uncertain."""
    balanced: FloatArray
    """Probabilities where classes are equally frequent, before the rules beside the network, shape (n, 3)."""


def folds(windows: WindowSet, *, n: int, seed: int) -> np.ndarray:
    """Give each plate one of `n` folds, shape of the windows."""
    names, plate = np.unique(plates(windows), return_inverse=True)
    return np.asarray(np.random.default_rng(seed).permutation(len(names))[plate] % n)


def blind(windows: WindowSet, fold: np.ndarray) -> list[Classifier]:
    """Give the model with expectations that do not know the plates of each fold."""
    model, found = Classifier.load(DEFAULT_MODEL), []
    if model.second_stage is None:
        raise UserError("the model that ships expects nothing: make it again (make model)")
    for one in range(fold.max() + 1):
        learnt = learn(windows.take(fold != one), seed=one)
        if learnt is None:
            raise UserError("too few spectra to learn from: give more with --survey")
        other = copy(model)
        other.second_stage = replace(model.second_stage, expected=learnt[0])
        found.append(other)
    return found


def judge(models: list[Classifier], windows: WindowSet, fold: np.ndarray) -> Said:
    """Have the spectra of each fold judged by the model that does not know their plates."""
    n = len(windows)
    said = Said(np.zeros(n, dtype=bool), np.zeros(n, dtype=bool), np.zeros((n, len(LABELS))))
    for one, model in enumerate(models):
        rows = np.flatnonzero(fold == one)
        some = windows.take(rows)
        table = score(Prepared(some, ()), model, options=SurveyOptions())[0]
        chance = np.column_stack([table[name] for name in PROBABILITY_COLUMNS])
        said.positive[rows] = chance.argmax(axis=1) > 0
        unsure = np.array(["uncertain" in words.split() for words in table["flags"].to_pylist()])
        said.sure[rows] = said.positive[rows] & ~unsure
        said.balanced[rows] = model.unchecked().predict_windows(some, shares=EVEN)
    return said


def _share(success: BoolArray, among: BoolArray) -> str:
    found = proportion(int(success[among].sum()), int(among.sum()))
    low, high = found["interval"]
    return f"{100 * found['value']:.1f} % ({100 * low:.1f}-{100 * high:.1f}; n = {among.sum()})"


def tell_lines(name: str, lines: Injections, said: Said, negatives: Said) -> None:
    """Write what becomes of lines that were put in."""
    strength, out = (np.array(lines.truth[key]) for key in ("ew_significance", "sticks_out"))
    core = (strength > CORE_FILLING[0]) & (strength < CORE_FILLING[1]) & ~out
    label = np.array([LABELS.index(word) for word in lines.truth["label"].to_pylist()])
    parts = {
        "over 10 sigma": strength > STRONG,
        "... sticking out": (strength > STRONG) & out,
        "filling": core,
    }
    for part, among in parts.items():
        found, sure = _share(said.positive, among), _share(said.sure, among)
        sys.stdout.write(f"{name}, {part}: {found}; surely {sure}\n")
    kind = np.array(lines.truth["kind" if "kind" in lines.truth.column_names else "family"].to_pylist())
    groups = {"": np.ones(len(kind), dtype=bool)} | {word: kind == word for word in np.unique(kind).tolist()}
    for word, among in groups.items():
        rows = among & (strength > VISIBLE)
        one = reliability(negatives.balanced, said.balanced[rows], label=label[rows], prevalence=0.5)
        sys.stdout.write(
            f"{name}, {word or 'all'}: ECE {one['ece']['value']:.3f} (n = {rows.sum()}); over 10 sigma "
            f"{_share(said.positive, among & (strength > STRONG))}\n"
        )


def main() -> None:
    """Learn, judge, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--survey", type=Path, nargs="+", required=True)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=5)
    arguments = parser.parse_args()
    stars = gather_spectra(arguments.survey, arguments.labels, preprocess=PreprocessOptions()).negatives
    fold = folds(stars, n=arguments.folds, seed=arguments.seed)
    models = blind(stars, fold)
    negatives = judge(models, stars, fold)
    everyone = np.ones(len(stars), dtype=bool)
    sys.stdout.write(
        f"stars without emission, positive: {_share(negatives.positive, everyone)}; "
        f"surely {_share(negatives.sure, everyone)}\n"
    )
    for row in np.flatnonzero(negatives.positive).tolist():
        source = Path(stars.identity["source"][row].as_py()).name
        sys.stdout.write(f"  {source}{' sure' if negatives.sure[row] else ''}\n")
    for name, (kinds, n, seed) in MIXES.items():
        lines = inject(stars, n, seed=seed, kinds=kinds)
        tell_lines(name, lines, judge(models, lines.windows, fold[lines.host]), negatives)


if __name__ == "__main__":
    main()
