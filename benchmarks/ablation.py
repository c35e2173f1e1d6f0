"""What each way of adapting to the survey gives, all on the one metric: a table with intervals.

``make ablation SURVEY=DIR LABELS=CSV`` or ``python benchmarks/ablation.py --survey DIR --labels CSV
--output DIR [--only NUMBER] [--seeds N] [--minutes M]``. The survey's folders hold real LAMOST spectra, the
labels name those with emission. Training spectra are simulated, as Ondřejov would have recorded them or
LAMOST. Where a variant learns from real spectra, these are split in two by star; each half is judged by the
network that learnt from the other. The result of every variant and seed is kept in OUTPUT, so that an
interrupted table goes on.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from ablation_spectra import Ground, simulated
from ablation_table import JUDGE, scatter, table
from adaptation import Adapt, Adapted, Recipe, train

from vo_emline.errors import UserError
from vo_emline.evaluate import Judge, Verdicts, headline, measure_judge
from vo_emline.evaluate.verdicts import from_probabilities
from vo_emline.preprocess import PreprocessOptions, WindowSet
from vo_emline.preprocess.options import THESIS
from vo_emline.survey import SurveyOptions
from vo_emline.training import AugmentOptions, Examples, TrainingOptions, host_examples, join
from vo_emline.training.architecture import Architecture
from vo_emline.training.calibration import correct_prior
from vo_emline.training.expectation import learn_second_stage
from vo_emline.training.options import EVEN, Balance
from vo_emline.training.second_stage import SecondStage

SPECTRA: Final = 6000
"""Training spectra of every variant."""
NEGATIVES: Final = 1750
INJECTED: Final = 1750
"""Of these, examples made of real spectra in variants with injection."""
EPOCHS: Final = 10
ARCHITECTURE: Final = Architecture(convolutions=(32, 64, 128), hidden=(256, 256))
"""The network of the thesis at half its width: a quarter of the work."""

SHIFTED: Final = AugmentOptions()
UNSEEN_NOISE: Final = AugmentOptions(noise=0.0)
"""With the noise as an input, none may be added that the input does not know of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One row of the table."""

    number: str
    name: str
    windows: PreprocessOptions = PreprocessOptions()  # noqa: RUF009  it is frozen
    lamost: bool = False
    """Whether training spectra are simulated as LAMOST would have seen them."""
    varied: bool = False
    """Whether there is emission around any star and of any significance among them."""
    augment: AugmentOptions | None = None
    injection: bool = False
    adapt: Adapt = "none"
    noise_channel: bool = False
    balance: Balance = "weights"
    expected: bool = False
    """Whether a second stage knows how deep Hα should be, from the rest of the spectrum."""

    @property
    def learns_from_survey(self) -> bool:
        """Whether real spectra of the survey take part in training."""
        return self.injection or self.expected or self.adapt != "none"


def _randomised(number: str, name: str, *, augment: AugmentOptions = SHIFTED, **others: Any) -> Variant:
    return Variant(number=number, name=name, lamost=True, augment=augment, **others)


VARIANTS: Final = (
    Variant(number="0", name="none", windows=PreprocessOptions(lsf="none")),
    Variant(number="1", name="thesis: blur of 7 pixels, SMOTE", windows=THESIS, balance="smote"),
    Variant(number="2", name="line spread matched"),
    Variant(number="3a", name="2 + velocity, noise and slope at random", augment=SHIFTED),
    _randomised("3", "randomised instrument"),
    _randomised("3b", "3, emission around any star and of any strength", varied=True),
    Variant(number="4", name="2 + injection", injection=True),
    Variant(number="5", name="2 + Deep CORAL", adapt="coral"),
    Variant(number="6", name="2 + DANN", adapt="dann"),
    Variant(number="8", name="2 + expected absorption", expected=True),
    _randomised("3+8", "3 + expected absorption", expected=True),
    _randomised("3b+8", "3b + expected absorption", varied=True, expected=True),
    _randomised("3b+4+8", "3b + injection + expected absorption", injection=True, varied=True, expected=True),
    _randomised("3+4", "3 + injection", injection=True),
    _randomised("3b+4", "3b + injection", injection=True, varied=True),
    _randomised("3+5", "3 + Deep CORAL", adapt="coral"),
    _randomised("3+6", "3 + DANN", adapt="dann"),
    _randomised("3+7", "3 + noise channel", augment=UNSEEN_NOISE, noise_channel=True),
    _randomised("3b+4+5", "3b + injection + Deep CORAL", injection=True, varied=True, adapt="coral"),
    _randomised("3b+4+7", "3b + injection + noise channel", injection=True, varied=True,
                augment=UNSEEN_NOISE, noise_channel=True),
    _randomised("3b+4s", "3b+4, SMOTE for class weights", injection=True, varied=True, balance="smote"),
    _randomised("3b+4n", "3b+4, neither", injection=True, varied=True, balance="none"),
)  # fmt: skip
"""The rows."""


def training_set(variant: Variant, survey: WindowSet, *, seed: int) -> Examples:
    """Put the training set of a variant together."""
    own = simulated(
        SPECTRA - variant.injection * (NEGATIVES + INJECTED),
        seed=6563 + seed,
        lamost=variant.lamost,
        varied=variant.varied,
        settings=variant.windows.model_dump_json(),
    )
    if not variant.injection:
        return own
    hosts = host_examples(survey, negatives=NEGATIVES, injected=INJECTED, seed=seed, options=variant.windows)
    return join([own, hosts])


def measure(variant: Variant, ground: Ground, *, seed: int) -> dict[str, Any]:
    """Train a variant and judge the real spectra, each half by the network that did not learn from it."""
    started = time.perf_counter()
    survey = ground.negatives(variant.windows)
    halves = ground.half(survey)
    models: dict[int, Model] = {}
    for half in (0, 1) if variant.learns_from_survey else (0,):
        seen = survey.take(halves == half)
        examples = training_set(variant, seen, seed=seed)
        trained = train(examples, seen if variant.adapt != "none" else None, recipe(variant, seed=seed))
        models[half] = Expecting.of(trained, seen, seed=seed) if variant.expected else trained
    seconds = time.perf_counter() - started
    found = measure_judge(_judge(models, ground), ground.trial(variant.windows, seed=seed))
    return {
        "number": variant.number,
        "name": variant.name,
        "seed": seed,
        "seconds": round(seconds, 1),
        "epochs": [model.epochs for model in models.values()],
        "temperature": [model.temperature for model in models.values()],
        "threshold": found["completeness"]["threshold"],
        "headline": headline({JUDGE: found}),
        "brier": found["reliability"]["even"]["brier"],
        "reliability": found["reliability"],
        "completeness": found["completeness"],
    }


def recipe(variant: Variant, *, seed: int) -> Recipe:
    """Give the settings of training of a variant."""
    options = TrainingOptions(
        seed=2017 + seed, epochs=EPOCHS, patience=4, balance=variant.balance, augment=variant.augment
    )
    return Recipe(
        options=options,
        adapt=variant.adapt,
        noise_channel=variant.noise_channel,
        architecture=ARCHITECTURE,
        minmax=variant.windows.scaling == "minmax",
    )


@dataclass(frozen=True, slots=True)
class Expecting:
    """A network and its second stage."""

    network: Adapted
    second: SecondStage

    @classmethod
    def of(cls, network: Adapted, survey: WindowSet, *, seed: int) -> Expecting:
        """Learn the second stage of a network."""
        second = learn_second_stage(
            lambda windows: network.predict_proba(windows, shares=EVEN), survey, seed=seed
        )
        if second is None:
            raise UserError("the survey has too few spectra to learn from")
        return cls(network, second)

    @property
    def epochs(self) -> int:
        """Epochs of the network."""
        return self.network.epochs

    @property
    def temperature(self) -> float:
        """Temperature of the network."""
        return self.network.temperature

    def predict_proba(self, windows: WindowSet, *, shares: tuple[float, float, float]) -> np.ndarray:
        """Give probabilities where classes have these shares, shape (n, 3)."""
        balanced = self.network.predict_proba(windows, shares=EVEN)
        refined = self.second.refine(balanced, self.second.excess(windows))
        return correct_prior(refined, trained=EVEN, stated=shares)


Model = Adapted | Expecting


def _judge(models: Mapping[int, Model], ground: Ground) -> Judge:
    settings = SurveyOptions()

    def judge(windows: WindowSet) -> Verdicts:
        stated, balanced = np.zeros((len(windows), 3)), np.zeros((len(windows), 3))
        halves = ground.half(windows)
        for half, model in models.items():
            rows = np.flatnonzero(halves != half) if len(models) > 1 else np.arange(len(windows))
            stated[rows] = model.predict_proba(windows.take(rows), shares=settings.class_shares)
            balanced[rows] = model.predict_proba(windows.take(rows), shares=EVEN)
        return from_probabilities(windows, stated, balanced, options=settings)

    return judge


def main() -> None:
    """Measure what is not measured yet, and write the table."""
    given = _arguments()
    given.output.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * given.minutes
    ground = Ground.open(tuple(given.survey), given.labels)
    paths = {
        (variant, seed): given.output / f"{variant.number}-{seed}.json"
        for seed in range(given.seeds)
        for variant in VARIANTS
    }
    for (variant, seed), path in paths.items():
        wanted = not given.only or variant.number in given.only
        if wanted and not path.exists() and time.monotonic() < end:
            found = measure(variant, ground, seed=seed)
            path.write_text(json.dumps(found, indent=1), encoding="utf-8")
    order = sorted(paths, key=lambda key: VARIANTS.index(key[0]))
    rows = [json.loads(paths[key].read_text(encoding="utf-8")) for key in order if paths[key].exists()]
    (given.output / "ablation.md").write_text(table(rows), encoding="utf-8")
    text = json.dumps({"rows": rows, "scatter": scatter(rows)}, indent=1)
    (given.output / "ablation.json").write_text(text, encoding="utf-8")
    sys.stdout.write(table(rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--survey", type=Path, nargs="+", required=True, metavar="DIR")
    parser.add_argument("--labels", type=Path, required=True, metavar="CSV")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--only", action="append", metavar="NUMBER", help="measure these variants alone")
    parser.add_argument("--seeds", type=int, default=2, help="repeat everything with so many seeds")
    parser.add_argument("--minutes", type=float, default=np.inf, help="stop after; another start goes on")
    return parser.parse_args()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    main()
