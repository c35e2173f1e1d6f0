"""What the cascade loses of real spectra, and what it passes on.

``make bench-cascade SURVEY=DIR`` or ``python benchmarks/cascade.py --survey DIR``. The survey
is split in two by star. A student is distilled as ``vo-emline train`` does it, of the model that ships, with
the spectra of one half; emission is then put into the spectra of the other half, which that student has not
seen, and what the full network finds there is counted. Both halves in turns.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from vo_emline.preprocess import WindowSet
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.simulate import SKY_FRACTIONS, simulate_windows
from vo_emline.simulate.injection import inject
from vo_emline.spectra import find_spectra
from vo_emline.survey import prepare_files
from vo_emline.survey.model import Cascade
from vo_emline.training import Classifier
from vo_emline.training.distillation import distil
from vo_emline.training.examples import NAMING, stars_of
from vo_emline.training.hosts import host_examples
from vo_emline.training.metrics import binomial_interval
from vo_emline.training.options import CLASS_SHARES
from vo_emline.training.student import Student

SIMULATED: Final = 12_000
"""Simulated windows among those a network is trained on."""
INJECTED: Final = 6_000


class Loss(NamedTuple):
    """What became of windows."""

    windows: int
    found: int
    """By the full network."""
    lost: int
    """Of those, settled by the student."""
    passed: float
    """Share of all that the student passes on."""


def main() -> None:
    """Run the benchmark and print a table for the documentation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--survey", type=Path, nargs="+", required=True, help="spectra of a survey")
    parser.add_argument("--lines", type=int, default=6_000, help="lines put into the spectra of each half")
    options = parser.parse_args()
    classifier = Classifier.load(DEFAULT_MODEL)
    paths = [str(path) for path in find_spectra(options.survey)]
    survey = prepare_files(paths, classifier.description.preprocess).windows
    probability = classifier.predict_windows(survey, shares=CLASS_SHARES)
    quiet = survey.take(probability.argmax(axis=1) == 0)
    rows = {"lines in spectra that the student has not seen": halves(classifier, quiet, options.lines)}
    shipped = Student.load(DEFAULT_MODEL)
    if shipped is None:
        raise SystemExit("the model that ships has no student")
    cascade = Cascade(classifier, shipped)
    sky = simulate_windows(50_000, seed=79, fractions=SKY_FRACTIONS)
    rows["simulated survey, student that ships"] = screen(
        cascade, sky.prepare(classifier.description.preprocess)
    )
    rows["the survey as it is, student that ships"] = screen(cascade, survey)
    flux = np.concatenate([survey.flux] * (1 + 200_000 // len(survey)))
    shipped.predict_proba(flux)
    began = time.perf_counter()
    shipped.predict_proba(flux)
    rate = len(flux) / (time.perf_counter() - began)
    sys.stdout.write(f"{table(rows)}\n\nthe student alone: {rate:,.0f} windows per second\n")


def halves(classifier: Classifier, survey: WindowSet, lines: int) -> Loss:
    """Teach a student with each half of the stars, and try it on the other half."""
    star = stars_of(survey.identity.select(list(NAMING)))
    first = np.isin(star, np.random.default_rng(1).permutation(np.unique(star))[::2])
    tried = [
        _unseen(classifier, survey.take(half), survey.take(~half), lines=lines) for half in (first, ~first)
    ]
    windows, found, lost = (sum(getattr(one, name) for one in tried) for name in ("windows", "found", "lost"))
    return Loss(windows, found, lost, float(np.mean([one.passed for one in tried])))


def _unseen(classifier: Classifier, seen: WindowSet, unseen: WindowSet, *, lines: int) -> Loss:
    preprocess = classifier.description.preprocess
    simulated = simulate_windows(SIMULATED, seed=2020, varied=True).prepare(preprocess)
    real = host_examples(seen, negatives=len(seen), injected=INJECTED, seed=2021, options=preprocess)
    student = distil(classifier, np.concatenate([simulated.flux, real.windows.flux]))
    sys.stderr.write(f"threshold {student.threshold:.2f}, held out {student.held_out}\n")
    cascade = Cascade(classifier, student)
    lit = screen(cascade, inject(unseen, lines, seed=3, options=preprocess).windows)
    return lit._replace(passed=screen(cascade, unseen).passed)


def screen(cascade: Cascade, windows: WindowSet) -> Loss:
    """Count what the full network finds, and what of it the cascade loses."""
    found = cascade.classifier.predict_windows(windows, shares=CLASS_SHARES).argmax(axis=1) > 0
    screened = cascade.screen(windows, shares=CLASS_SHARES).screened
    settled = np.zeros_like(found) if screened is None else screened
    return Loss(len(windows), int(found.sum()), int((found & settled).sum()), float((~settled).mean()))


def table(rows: dict[str, Loss]) -> str:
    """Write a Markdown table."""
    lines = [
        "| | windows | full network finds | lost by the cascade | 95 % interval | spectra passed on |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, loss in rows.items():
        low, high = (100 * limit for limit in binomial_interval(loss.lost, loss.found))
        lines.append(
            f"| {name} | {loss.windows:,} | {loss.found:,} | {loss.lost} | "
            f"{low:.3f} to {high:.3f} % | {100 * loss.passed:.1f} % |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
