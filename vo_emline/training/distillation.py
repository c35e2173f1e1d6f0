"""Distilling the student: it learns to say what the full network says.

The full network is the teacher (Hinton et al. 2015, arXiv:1503.02531), so no
labels are needed: it is asked about the windows that it was trained on
itself, spectra of the survey with and without emission put into them among
them, and about simulated stars as a survey has them. It takes two minutes on
two cores, and has to be done again whenever weights or second stage of the
model change.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax
from scipy.stats import beta

from vo_emline.simulate import SKY_FRACTIONS, simulate_windows
from vo_emline.simulate.training_population import FRACTIONS, NO_EMISSION
from vo_emline.training.architecture import Parameters
from vo_emline.training.calibration import correct_prior
from vo_emline.training.classifier import Classifier
from vo_emline.training.description import add_part
from vo_emline.training.options import CLASS_SHARES, EVEN, AugmentOptions, StudentOptions
from vo_emline.training.steps import randomise
from vo_emline.training.student import PART, HeldOut, Student, log_odds, logits

logger = logging.getLogger(__name__)

FluxArray = npt.NDArray[np.float32]

MOST_SEEN: Final = 60_000
"""Of a larger training set of the teacher, so many windows are drawn."""

VIEWS: Final = 2
"""Times each is shown with another noise, velocity and slope, beside its plain view."""

BATCH: Final = 512
LEARNING_RATE: Final = 2e-3

FILTERS: Final = ((7, 24), (5, 32), (5, 48))
"""Width of the kernel, pixels, and filters of each convolution."""

HIDDEN: Final = 64
"""Units of the fully connected layer."""

ODDS_RANGE: Final = (-6.0, 8.0)
"""Log odds beyond these are sure enough: the student need not tell how sure."""

MOST_LOST: Final = 0.001
"""Share of what the full network finds that may be lost, with :data:`CONFIDENCE`."""

CONFIDENCE: Final = 0.975
"""One-sided: the upper end of a 95 % interval."""

MARGIN: Final = 0.3
"""The threshold is set lower by so much, log odds: real spectra are not simulated ones."""

_EMITTING: Final = {name: share for name, share in FRACTIONS.items() if name not in NO_EMISSION}

NOTHING_SETTLED: Final = -100.0
"""Threshold under which everything is passed on: no odds are lower."""


class Lesson(NamedTuple):
    """Windows with what the teacher says of them, classes equally frequent."""

    flux: Any
    """Shape (n, 140)."""
    probability: Any
    """Shape (n, 3)."""


def distil(classifier: Classifier, seen: FluxArray, *, options: StudentOptions | None = None) -> Student:
    """Train a student of a network and set its threshold.

    Parameters
    ----------
    classifier
        The full network, with its second stage where it has one.
    seen
        Windows that the network was trained on, scaled, shape (n, 140).
    options
        Settings; the same ones give the same student on one machine.
    """
    options = options or StudentOptions()
    seed = options.seed
    lesson = draw_lesson(classifier, seen, options.stars, seed=seed)
    weights = _learn(lesson, seed=seed, epochs=options.epochs)
    # the threshold is set on the weights as they are kept, rounded
    blank = Student(weights, threshold=0.0, held_out=HeldOut(positives=0, lost=0))
    student = Student.from_arrays(blank.arrays())
    emitting = simulate_windows(options.emitters, seed=seed + 3, fractions=_EMITTING, varied=True)
    held_out = emitting.prepare(classifier.description.preprocess).flux
    odds = log_odds(student.predict_proba(held_out, shares=CLASS_SHARES))[finds(classifier, held_out)]
    threshold = find_threshold(odds) - MARGIN
    counts = HeldOut(positives=len(odds), lost=int((odds < threshold).sum()))
    logger.info("the student passes spectra on from log odds of %.2f; %s", threshold, counts)
    return Student(student.weights, threshold=threshold, held_out=counts)


def add_student(directory: Path, seen: FluxArray, *, options: StudentOptions | None = None) -> Student | None:
    """Distil a student of the model in `directory`, add it to the model and give it.

    Parameters
    ----------
    directory
        Folder of a trained model.
    seen
        Windows that it was trained on, scaled, shape (n, 140).
    options
        Settings; the model stays as it is, and None comes back, where they ask for no stars.

    Raises
    ------
    UserError
        `directory` holds no model.
    """
    options = options or StudentOptions()
    if not options.stars:
        return None
    student = distil(Classifier.load(directory), seen, options=options)
    add_part(directory, PART, student.arrays())
    return student


def draw_lesson(classifier: Classifier, seen: FluxArray, stars: int, *, seed: int) -> Lesson:
    """Join what the teacher has seen and stars of a simulated survey, vary them, and ask the teacher."""
    preprocess = classifier.description.preprocess
    survey = simulate_windows(stars, seed=seed + 1, fractions=SKY_FRACTIONS).prepare(preprocess).flux
    drawn = np.random.default_rng([seed, 1]).permutation(len(seen))[:MOST_SEEN]
    plain = np.concatenate([survey, seen[np.sort(drawn)]])
    minmax = preprocess.scaling == "minmax"
    keys = jax.random.split(jax.random.key(seed), VIEWS)
    shown = jnp.asarray(plain)
    views = [np.asarray(randomise(key, shown, options=AugmentOptions(), minmax=minmax)) for key in keys]
    flux = np.concatenate([plain, *views])
    return Lesson(flux, classifier.predict_proba(flux, shares=EVEN))


def finds(
    classifier: Classifier, flux: FluxArray, *, shares: Sequence[float] = CLASS_SHARES
) -> npt.NDArray[np.bool_]:
    """Tell in which windows the full network finds emission: with a score above a half, shape (n,)."""
    balanced = classifier.predict_proba(flux, shares=EVEN)
    second = classifier.second_stage
    if second is not None:
        balanced = second.refine(balanced, np.full((len(flux), 2), np.nan))
    return np.asarray(log_odds(correct_prior(balanced, trained=EVEN, stated=shares)) > 0)


def find_threshold(
    odds: npt.NDArray[np.float64], *, most_lost: float = MOST_LOST, confidence: float = CONFIDENCE
) -> float:
    """Give the highest threshold below which no more than `most_lost` of all positives lie.

    A tolerance limit, whatever the distribution: of n positives, the share
    below the k-th smallest follows a beta distribution with parameters k and
    n − k + 1 (Wilks 1941, Annals of Mathematical Statistics 12, 91).

    Parameters
    ----------
    odds
        Log odds that the student gives to windows in which the full network finds emission.
    most_lost
        Share that may be lost.
    confidence
        Probability that no more is lost.

    Returns
    -------
    float
        :data:`NOTHING_SETTLED` where there are too few positives to promise anything.
    """
    n = len(odds)
    rank = np.arange(1, n + 1)
    promised = int(np.count_nonzero(beta.ppf(confidence, rank, n - rank + 1) <= most_lost))
    return float(np.sort(odds)[promised - 1]) if promised else NOTHING_SETTLED


def _learn(lesson: Lesson, *, seed: int, epochs: int) -> Parameters:
    """Minimise the divergence from the teacher, and the error of the log odds where these matter."""
    order = np.random.default_rng(seed)
    n = len(lesson.flux)
    size = min(BATCH, n)
    optimiser = optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, epochs * (n // size)))

    def step(weights: Parameters, state: Any, part: Lesson) -> tuple[Parameters, Any]:
        gradient = jax.grad(_loss)(weights, part)
        with jax.numpy_dtype_promotion("standard"):  # optax's Adam mixes int32 and float on purpose
            updates, state = optimiser.update(gradient, state, weights)
        return optax.apply_updates(weights, updates), state

    weights = _draw_weights(lesson.flux.shape[1], seed=seed)
    state, step = optimiser.init(weights), jax.jit(step, donate_argnums=(0, 1))
    for _ in range(epochs):
        rows = order.permutation(n)
        for start in range(0, n - size + 1, size):
            chosen = rows[start : start + size]
            weights, state = step(weights, state, Lesson(*(array[chosen] for array in lesson)))
    return weights


def _loss(weights: Parameters, lesson: Lesson) -> jax.Array:
    said = jax.nn.log_softmax(logits(weights, lesson.flux))
    wanted = jnp.log(lesson.probability + 1e-7)
    divergence = (lesson.probability * (wanted - said)).sum(axis=1).mean()
    odds, target = (jnp.clip(_odds(one), *ODDS_RANGE) for one in (said, wanted))
    loss: jax.Array = divergence + 0.3 * optax.huber_loss(odds, target).mean()
    return loss


def _odds(log_probability: jax.Array) -> jax.Array:
    return jax.nn.logsumexp(log_probability[:, 1:], axis=1) - log_probability[:, 0]


def _draw_weights(pixels: int, *, seed: int) -> Parameters:
    """Draw the first weights (He et al. 2015, arXiv:1502.01852)."""
    shapes: dict[str, tuple[int, ...]] = {}
    channels = 1
    for number, (width, filters) in enumerate(FILTERS):
        shapes[str(number)] = (width, channels, filters)
        pixels, channels = (pixels - width) // 2 + 1, filters
    shapes |= {"hidden": (pixels * channels, HIDDEN), "output": (HIDDEN, len(EVEN))}
    weights = {}
    for key, (name, shape) in zip(
        jax.random.split(jax.random.key(seed), len(shapes)), shapes.items(), strict=True
    ):
        weights[f"{name}.kernel"] = jax.nn.initializers.he_normal(in_axis=tuple(range(len(shape) - 1)))(
            key, shape
        )
        weights[f"{name}.bias"] = jnp.zeros(shape[-1])
    return weights
