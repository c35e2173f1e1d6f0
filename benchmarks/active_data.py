"""What the loop of ``benchmarks/active.py`` looks at: a first model, simulated surveys, and real spectra.

The first model was shown half of the kinds of emission. The surveys hold them all, at a prevalence as in the
sky. All is reduced to what the last layer of the network sees, and what the simple check says, once; the
loop trains the last layer on that.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from vo_emline.files import atomic_path
from vo_emline.labels import ABSORPTION, LABELS
from vo_emline.measure.matched import line_strength
from vo_emline.preprocess import PreprocessOptions
from vo_emline.preprocess.windows import WindowSet
from vo_emline.simulate import simulate_windows
from vo_emline.simulate.library import Library, build_library, identities, vary
from vo_emline.simulate.training_population import FRACTIONS, NO_EMISSION
from vo_emline.survey import prepare_files
from vo_emline.training import Classifier, Examples, TrainingOptions, train
from vo_emline.training.architecture import Architecture
from vo_emline.training.familiarity import Familiarity, fit_familiarity, last_layer_input
from vo_emline.training.prediction import Predictor
from vo_emline.training.simulated import simulated_examples

UNSEEN: Final = ("accretion-disk", "broad-wind", "young", "supergiant-wind", "p-cygni", "chromospheric")
"""Kinds of emission that the first model was not shown."""

SEEN: Final = {name: share for name, share in FRACTIONS.items() if name not in UNSEEN}

PREVALENCE: Final = 0.005
STARS: Final = 12_000
"""That the first model is trained on."""

LIBRARY: Final = 6_000
"""Stars of which the windows of a survey are variations."""

JUDGES: Final = 60_000
"""Spectra without emission that judge; there are a thirtieth of them with emission."""

PLAIN: Final = 100.0
"""Least |EW|/σ(EW) of the lines, σ of the photons alone, a third of what is measured. Weaker lines are
hidden among 200 000 spectra from a last layer that is fitted to features of a small network, whatever it is
taught: with a labelled half of all emission over 20 σ it found 0.77 at a precision of 0.95."""

EMITTING: Final = tuple(name for name in FRACTIONS if name not in {*NO_EMISSION, "filled-core"})
"""Kinds of emission of a survey. What only fills the core cannot be told from a window alone."""

CHUNK: Final = 20_000

ARCHITECTURE: Final = Architecture(convolutions=(32, 64, 128), hidden=(256, 256))
"""Half as wide as the network that ships: a quarter of the arithmetic."""

MEANING: Final = {
    "absorption": "absorption",
    "emission": "emission",
    "double-peak": "double-peak",
    "emission filling core": "emission",
    "nebular": "emission",
}
"""Class of the labels by eye; spectra that are noise or broken are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Spectra as the loop sees them; row *i* of every member is one spectrum."""

    features: npt.NDArray[np.float32]
    """What the last layer sees, shape (n, 256)."""
    label: npt.NDArray[np.int64]
    """The truth, index into the classes, shape (n,)."""
    kind: npt.NDArray[np.str_]
    """Family of the star, or what is known of a real one, shape (n,)."""
    strength: npt.NDArray[np.float64]
    """What the simple check says, shape (n,)."""
    weight: npt.NDArray[np.float64]
    """Spectra of a survey that each stands for, shape (n,)."""

    def __len__(self) -> int:
        """Count the spectra."""
        return len(self.label)

    @property
    def emission(self) -> npt.NDArray[np.bool_]:
        """Which have emission."""
        return np.asarray(self.label != ABSORPTION)

    def take(self, rows: npt.NDArray[np.int64]) -> Pool:
        """Pick spectra."""
        return Pool(
            features=self.features[rows],
            label=self.label[rows],
            kind=self.kind[rows],
            strength=self.strength[rows],
            weight=self.weight[rows],
        )


MEMBERS: Final = tuple(one.name for one in fields(Pool))


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """The first model, and what it was trained on."""

    classifier: Classifier
    layer: Predictor
    known: Pool
    """Spectra of known truth that every later model is fitted on as well."""
    familiarity: Familiarity
    """Of all it was shown, with and without emission."""

    def see(self, windows: WindowSet, label: npt.NDArray[np.int64], kind: npt.NDArray[np.str_]) -> Pool:
        """Reduce windows to what the loop needs."""
        return Pool(
            features=self.layer(windows.flux),
            label=label,
            kind=kind,
            strength=line_strength(windows).astype(np.float64),
            weight=np.ones(len(label)),
        )


def first_model(directory: Path, *, seed: int = 1) -> First:
    """Train the first model, or load it where it was trained before."""
    examples = _examples(STARS, seed=seed)
    if not (directory / "model.json").is_file():
        options = TrainingOptions(epochs=7, seed=seed, balance="weights")
        train(examples, directory, options=options, architecture=ARCHITECTURE)
    classifier = Classifier.load(directory)
    layer = last_layer_input(classifier)
    kind = np.full(len(examples), "known")
    features = layer(examples.windows.flux)
    known = Pool(
        features=features,
        label=examples.label,
        kind=kind,
        strength=np.zeros(len(examples)),
        weight=np.ones(len(examples)),
    )
    other = layer(_examples(STARS // 4, seed=seed + 1).windows.flux)
    familiarity = fit_familiarity(features.astype(np.float64), other.astype(np.float64))
    return First(classifier=classifier, layer=layer, known=known, familiarity=familiarity)


def _examples(n: int, *, seed: int) -> Examples:
    return simulated_examples(simulate_windows(n, seed=seed, varied=True, fractions=SEEN))


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What surveys are drawn from, and who judges; the stars of the one are not those of the other."""

    negatives: Pool
    """Spectra without emission: those of every survey."""
    emitters: Pool
    """Several times as many as a survey has."""
    judge: Pool
    """Other stars, emission overrepresented and weighted down to its prevalence."""

    @classmethod
    def make(cls, first: First, n: int, path: Path, *, seed: int = 1) -> Simulated:
        """Simulate n spectra without emission and what else is needed, or load what was kept at `path`."""
        if path.is_file():
            with path.open("rb") as stream:
                return cls(**{name: Pool(**_arrays(stream)) for name in ("negatives", "emitters", "judge")})
        wanted = (n, int(5 * PREVALENCE * n))
        negatives, emitters = _draw(first, *wanted, seed=seed)
        judge = join(list(_draw(first, JUDGES, JUDGES // 30, seed=seed + 1000)))
        weight = np.where(judge.emission, 1.0, 0.0)
        rest = weight.sum() * (1.0 / PREVALENCE - 1.0) / (len(judge) - weight.sum())
        judge = replace(judge, weight=np.where(judge.emission, 1.0, rest))
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            for pool in (negatives, emitters, judge):
                for name in MEMBERS:
                    np.save(stream, getattr(pool, name))
        return cls(negatives=negatives, emitters=emitters, judge=judge)

    def draw(self, n: int, *, seed: int) -> Pool:
        """Give a survey of n spectra: emitters of its own among the spectra without emission."""
        random = np.random.default_rng([seed, 91])
        emitting = random.binomial(n, PREVALENCE)
        chosen = random.choice(len(self.emitters), emitting, replace=False)
        others = random.permutation(len(self.negatives))[: n - emitting]
        return join([self.emitters.take(chosen), self.negatives.take(others)]).take(random.permutation(n))


def _arrays(stream: IO[bytes]) -> dict[str, Any]:
    return {name: np.load(stream) for name in MEMBERS}


def _draw(first: First, negatives: int, emitters: int, *, seed: int) -> tuple[Pool, Pool]:
    """Simulate spectra without and with emission; those nobody could tell are left out."""
    rare = sum(FRACTIONS[name] for name in NO_EMISSION)
    shares = {name: 0.5 / len(EMITTING) for name in EMITTING}
    shares |= {name: 0.5 * FRACTIONS[name] / rare for name in NO_EMISSION}
    library = _clear(build_library(LIBRARY, seed=seed, fractions=shares))
    random = np.random.default_rng([seed, 90])
    pools = []
    for wanted, prevalence in ((negatives, 0.0), (emitters, 1.0)):
        parts: list[Pool] = []
        while (missing := wanted - sum(map(len, parts))) > 0:
            size = min(CHUNK, int(1.1 * missing / (1.0 - 0.5 * prevalence)) + 100)
            parts.append(_vary(first, library, size, prevalence=prevalence, random=random, seed=seed))
        pools.append(join(parts).take(np.arange(wanted)))
    return pools[0], pools[1]


def _clear(library: Library) -> Library:
    """Leave out the stars whose emission is lost in the continuum, whatever the noise."""
    rows = np.flatnonzero(~library.truth["doubtful"].to_numpy())
    return Library(
        signal=library.signal[:, rows],
        sky=library.sky[rows],
        residue=library.residue[rows],
        response=library.response[rows],
        spikes=library.spikes[rows],
        truth=library.truth.take(rows),
    )


def _vary(
    first: First, library: Library, n: int, *, prevalence: float, random: np.random.Generator, seed: int
) -> Pool:
    varied = vary(library, n, prevalence=prevalence, random=random, options=PreprocessOptions())
    windows = WindowSet(
        flux=varied.flux,
        ivar=varied.ivar,
        continuum=varied.continuum,
        identity=identities(varied.truth, first=0, seed=seed),
    )
    plain = (varied.truth["ew"].to_numpy() >= 0) | (varied.truth["significance"].to_numpy() >= PLAIN)
    rows = np.flatnonzero(~varied.truth["doubtful"].to_numpy() & plain)
    truth = varied.truth.take(rows)
    label = np.array([LABELS.index(name) for name in truth["label"].to_pylist()], dtype=np.int64)
    return first.see(windows.take(rows), label, np.array(truth["family"].to_pylist()))


def join(parts: list[Pool]) -> Pool:
    """Put pools into one."""
    values: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in MEMBERS
    }
    return Pool(**values)


def real(first: First, field: Path) -> tuple[Pool, npt.NDArray[np.str_]]:
    """Read the real spectra that were labelled by eye, and the plate (or file) that each is of."""
    with (field / "labels.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["label"] in MEANING]
    said = {str(field / row["path"]): row["label"] for row in rows}
    windows = prepare_files(list(said), PreprocessOptions()).windows
    source = windows.identity["source"].to_pylist()
    kind = np.array([said[name] for name in source])
    label = np.array([LABELS.index(MEANING[name]) for name in kind.tolist()], dtype=np.int64)
    plan = windows.identity["planid"].to_pylist()
    plate = np.array([name or where for name, where in zip(plan, source, strict=True)])
    return first.see(windows, label, kind), plate
