"""Training with unlabelled windows of the survey at hand, and with the noise of each pixel as an input.

What the package itself trains (:func:`vo_emline.training.train`) does without; this is the code by which
``benchmarks/ablation.py`` measures what these would give:

* Deep CORAL (Sun & Saenko 2016, arXiv:1607.01719): covariances of the last hidden layer are drawn together;
* DANN (Ganin et al. 2016, JMLR 17, 59): a second head tells the surveys apart, and its gradient is reversed;
* the noise of each pixel, of the inverse variance, as a second channel.

Of a survey's spectra more than 99 % show no emission, of training spectra half. Windows of the survey are
therefore compared with training windows *without* emission: to draw the whole sets together would draw
emission to its absence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax
from flax import nnx

from vo_emline.labels import ABSORPTION, LABELS
from vo_emline.preprocess import WindowSet
from vo_emline.training.architecture import Architecture
from vo_emline.training.balance import class_shares, class_weights, smote
from vo_emline.training.calibration import correct_prior, fit_temperature, probabilities
from vo_emline.training.examples import Examples
from vo_emline.training.network import Network
from vo_emline.training.options import TrainingOptions
from vo_emline.training.stars import split_by_star
from vo_emline.training.steps import batches, randomise

Adapt = Literal["none", "coral", "dann"]
Array = npt.NDArray[np.float32]

CORAL_WEIGHT: Final = 30.0
"""Makes the CORAL loss as large as the cross-entropy at the end of training, as its authors advise."""

DOMAIN_UNITS: Final = 64
"""Hidden units of the head that tells the surveys apart."""

UNKNOWN_NOISE: Final = 1.0
"""Decadic logarithm of the noise where the inverse variance is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a network is trained beyond :class:`~vo_emline.training.options.TrainingOptions`."""

    options: TrainingOptions
    adapt: Adapt = "none"
    noise_channel: bool = False
    architecture: Architecture = Architecture()  # noqa: RUF009  it is frozen
    minmax: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapted:
    """A trained network that gives calibrated probabilities."""

    graph: Any
    parameters: Any
    temperature: float
    prior: tuple[float, float, float]
    noise_channel: bool
    epochs: int

    def predict_proba(self, windows: WindowSet, *, shares: tuple[float, float, float]) -> Array:
        """Give the probabilities of the classes at stated shares, shape (n, 3)."""
        logits = _predict(self.graph, self.parameters, inputs(windows, noise=self.noise_channel))
        balanced = probabilities(logits, temperature=self.temperature)
        return correct_prior(balanced, trained=self.prior, stated=shares)


class TwoHeads(nnx.Module):
    """The network, and a head that tells from its last hidden layer which survey a window is of."""

    def __init__(self, architecture: Architecture, *, dropout: float, rngs: nnx.Rngs) -> None:
        self.network = Network(architecture, dropout=dropout, rngs=rngs)
        self.domain = nnx.List(
            [
                nnx.Linear(architecture.hidden[-1], DOMAIN_UNITS, rngs=rngs),
                nnx.Linear(DOMAIN_UNITS, 1, rngs=rngs),
            ]
        )

    def hidden(self, x: jax.Array, key: jax.Array | None) -> jax.Array:
        """Give the last hidden layer, shape (n, units)."""
        h = self.network.features(x)
        rngs = None if key is None else nnx.Rngs(dropout=key)
        for layer in self.network.hidden:
            h = self.network.dropout(nnx.relu(layer(h)), deterministic=key is None, rngs=rngs)
        return h

    def logits(self, hidden: jax.Array) -> jax.Array:
        """Give the logits of the classes, shape (n, 3)."""
        return self.network.output(hidden)

    def survey(self, hidden: jax.Array) -> jax.Array:
        """Give the logit of being a spectrum of the target survey, shape (n,)."""
        return self.domain[1](nnx.relu(self.domain[0](hidden)))[:, 0]


def inputs(windows: WindowSet, *, noise: bool) -> Array:
    """Give what the network sees, shape (n, 140, channels)."""
    if not noise:
        return windows.flux[:, :, None]
    known = windows.ivar > 0
    level = np.where(known, -0.5 * np.log10(np.where(known, windows.ivar, 1.0)), UNKNOWN_NOISE)
    return np.stack([windows.flux, np.clip(level, -3.0, UNKNOWN_NOISE)], axis=-1).astype(np.float32)


class Side(NamedTuple):
    """Windows of one side of the split, on the host or the device."""

    x: Any
    """What the network sees, shape (n, 140, channels)."""
    label: Any
    """Class index, shape (n,)."""
    weight: Any
    """Weight in the loss, shape (n,)."""


def train(examples: Examples, target: WindowSet | None, recipe: Recipe) -> Adapted:
    """Train on labelled examples, with unlabelled windows of the target where the recipe uses them.

    Split, balance, augmentation, calibration and the epoch that is kept are as in
    :func:`vo_emline.training.train`, without a test side.
    """
    options = recipe.options
    split = split_by_star(
        examples.strata(), examples.stars(), validation=options.validation, test=0.0, seed=options.seed
    )
    x, label = inputs(examples.windows, noise=recipe.noise_channel), examples.label
    training, prior = _balanced(x[split.train], label[split.train], options)
    held = label[split.validation]
    alike = options.balance != "none"
    validation = Side(
        x[split.validation], held, class_weights(held) if alike else np.ones(held.size, np.float32)
    )
    architecture = replace(recipe.architecture, n_channels=x.shape[-1])
    graph, state = nnx.split(TwoHeads(architecture, dropout=options.dropout, rngs=nnx.Rngs(options.seed)))
    other = training.x[:1] if target is None else inputs(target, noise=recipe.noise_channel)
    state, epochs = _fit(graph, state, training, validation, other, recipe)
    logits = _predict(graph, state, validation.x)
    return Adapted(
        graph=graph,
        parameters=state,
        temperature=fit_temperature(logits, held, weight=validation.weight),
        prior=prior,
        noise_channel=recipe.noise_channel,
        epochs=epochs,
    )


def _fit(
    graph: Any, state: Any, training: Side, validation: Side, target: Array, recipe: Recipe
) -> tuple[Any, int]:
    """Train until the validation loss no longer falls; give the best parameters and the epochs gone."""
    options, n = recipe.options, len(training.label)
    step, optimiser = _step(graph, recipe, steps=options.epochs * -(-n // options.batch_size))
    on_device = Side(
        *(jnp.asarray(a) for a in (training.x, training.label.astype(np.int32), training.weight))
    )
    other = jnp.asarray(target)
    memory, best, best_loss, since = optimiser.init(state), state, np.inf, 0
    random = np.random.default_rng([options.seed, 19])
    number = epochs = 0
    while epochs < options.epochs and since < options.patience:
        epochs += 1
        for batch in batches(n, size=options.batch_size, order=random.permutation(n)):
            rows = random.integers(0, len(other), options.batch_size).astype(np.int32)
            key = jax.random.fold_in(jax.random.key(options.seed), number)
            state, memory = step(state, memory, on_device, other, batch, rows, key, np.float32(number))
            number += 1
        loss = _loss(_predict(graph, state, validation.x), validation)
        since = 0 if loss < best_loss - options.min_delta else since + 1
        if not since:
            best, best_loss = state, loss
    return best, epochs


def _balanced(
    x: Array, label: npt.NDArray[np.int64], options: TrainingOptions
) -> tuple[Side, tuple[float, float, float]]:
    """Level out the classes of the training side; also give the class shares the network then believes in."""
    even = (1 / 3, 1 / 3, 1 / 3)
    if options.balance == "smote":
        flat, label = smote(x.reshape(len(x), -1), label, seed=options.seed)
        return Side(flat.reshape(-1, *x.shape[1:]), label, np.ones(label.size, np.float32)), even
    if options.balance == "weights":
        return Side(x, label, class_weights(label)), even
    return Side(x, label, np.ones(label.size, np.float32)), class_shares(label)


def _step(graph: Any, recipe: Recipe, *, steps: int) -> tuple[Any, optax.GradientTransformation]:
    """Compile one step of training."""
    optimiser = optax.adam(recipe.options.learning_rate)

    def see(key: jax.Array, x: jax.Array) -> jax.Array:
        if recipe.options.augment is None:
            return x
        flux = randomise(key, x[:, :, 0], options=recipe.options.augment, minmax=recipe.minmax)
        return jnp.concatenate([flux[:, :, None], x[:, :, 1:]], axis=-1)

    def loss(state: Any, x: Any, label: Any, weight: Any, other: Any, key: Any, progress: Any) -> jax.Array:
        model = nnx.merge(graph, state)
        keys = jax.random.split(key, 4)
        hidden = model.hidden(see(keys[0], x), keys[1])
        entropy = optax.softmax_cross_entropy_with_integer_labels(model.logits(hidden), label)
        total: jax.Array = (entropy * weight).sum() / jnp.maximum(weight.sum(), 1e-12)
        if recipe.adapt == "none":
            return total
        target = model.hidden(see(keys[2], other), keys[3])
        alike = (label == ABSORPTION) * (weight > 0)
        if recipe.adapt == "coral":
            total += CORAL_WEIGHT * progress * coral(hidden, target, weight=alike)
        else:
            strength = 2 / (1 + jnp.exp(-10 * progress)) - 1
            total += domain_loss(model, hidden, target, weight=alike, strength=strength)
        return total

    @jax.jit
    def step(
        state: Any, memory: Any, known: Any, other: Any, batch: Any, rows: Any, key: Any, at: Any
    ) -> Any:
        x, label, weight = (array[batch.rows] for array in known)
        gradient = jax.grad(loss)(state, x, label, weight * batch.valid, other[rows], key, at / steps)
        updates, memory = optimiser.update(gradient, memory, state)
        return optax.apply_updates(state, updates), memory

    return step, optimiser


def coral(source: jax.Array, target: jax.Array, *, weight: jax.Array) -> jax.Array:
    """Squared distance of the covariances over 4 d² (Sun & Saenko 2016, equation 1); source rows weighted."""

    def covariance(x: jax.Array, weight: jax.Array) -> jax.Array:
        total = jnp.maximum(weight.sum(), 2.0)
        centred = x - (weight @ x) / total
        return (centred * weight[:, None]).T @ centred / (total - 1)

    ones = jnp.ones(len(target))
    distance: jax.Array = jnp.square(
        covariance(source, weight.astype(source.dtype)) - covariance(target, ones)
    ).sum()
    return distance / (4 * source.shape[1] ** 2)


def domain_loss(
    model: TwoHeads, source: jax.Array, target: jax.Array, *, weight: jax.Array, strength: Any
) -> jax.Array:
    """Cross-entropy of telling the surveys apart; its gradient is reversed below the head (equation 10)."""
    hidden = jnp.concatenate([source, target])
    reversed_ = -strength * hidden + jax.lax.stop_gradient((1 + strength) * hidden)
    truth = jnp.concatenate([jnp.zeros(len(source)), jnp.ones(len(target))])
    share = jnp.concatenate([weight / jnp.maximum(weight.sum(), 1), jnp.full(len(target), 1 / len(target))])
    entropy = optax.sigmoid_binary_cross_entropy(model.survey(reversed_), truth)
    loss: jax.Array = (entropy * share).sum() / 2
    return loss


@partial(jax.jit, static_argnums=0)
def _logits(graph: Any, state: Any, x: jax.Array) -> jax.Array:
    model: TwoHeads = nnx.merge(graph, state)
    return model.logits(model.hidden(x, None))


def _predict(graph: Any, state: Any, x: Array, *, size: int = 512) -> Array:
    parts = []
    for start in range(0, len(x), size):
        part = np.zeros((size, *x.shape[1:]), np.float32)
        piece = x[start : start + size]
        part[: len(piece)] = piece
        parts.append(np.asarray(_logits(graph, state, part))[: len(piece)])
    return np.concatenate(parts) if parts else np.empty((0, len(LABELS)), np.float32)


def _loss(logits: Array, side: Side) -> float:
    log_p = np.log(np.maximum(probabilities(logits), 1e-30))[np.arange(side.label.size), side.label]
    return float(-(log_p * side.weight).sum() / side.weight.sum())
