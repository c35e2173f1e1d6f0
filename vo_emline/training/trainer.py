"""The training loop: epochs of jitted steps, early stopping on other stars, a checkpoint after each epoch."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx
from tqdm.auto import tqdm

from vo_emline.errors import UserError
from vo_emline.progress import track
from vo_emline.training.architecture import Architecture, Parameters
from vo_emline.training.checkpoints import Checkpoints, Progress, TrainState
from vo_emline.training.device import describe_device, device_words
from vo_emline.training.network import Network, build
from vo_emline.training.options import TrainingOptions
from vo_emline.training.steps import Samples, Steps, batches, make_steps

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What training gave."""

    graph: nnx.GraphDef[Network]
    """The network without its parameters."""
    parameters: Parameters
    """Parameters after the epoch with the lowest validation loss."""
    validation_logits: npt.NDArray[np.float32]
    """Logits of the validation split at these parameters, shape (n, classes)."""
    progress: Progress
    device: dict[str, Any]
    seconds: float
    """Wall-clock time of this process's part of the training."""
    resumed_after: int
    """Epochs that an earlier process had finished; 0 when training began here."""


def fit(
    training: Samples,
    validation: Samples,
    *,
    options: TrainingOptions,
    checkpoints: Path,
    architecture: Architecture | None = None,
    minmax: bool = False,
    on_epoch: Callable[[Progress], None] | None = None,
) -> Fitted:
    """Train the network.

    The result depends on the arguments alone: the same ones give the same
    weights bit for bit on the same machine, also when training was killed and
    started again with the same `checkpoints`.

    Parameters
    ----------
    training, validation
        Windows, classes and weights of the two splits, no star in both.
    options
        Settings.
    checkpoints
        Folder for checkpoints; training resumes from what it finds there.
    architecture
        The network, that of the thesis by default.
    minmax
        Whether windows are scaled to [−1, 1] rather than standardised.
    on_epoch
        Called with the progress after every epoch.

    Raises
    ------
    UserError
        A split is empty, or the loss is no longer a number.
    """
    if not len(training.label) or not len(validation.label):
        raise UserError(
            "training needs spectra of at least one star on either side of the split; add labelled stars"
        )
    started = time.perf_counter()
    architecture = architecture or Architecture()
    device = describe_device()
    logger.info("training on %s", device_words(device))
    graph, parameters = build(architecture, dropout=options.dropout, seed=options.seed)
    steps = make_steps(graph, learning_rate=options.learning_rate, augment=options.augment, minmax=minmax)
    state = TrainState(parameters, steps.optimiser.init(parameters), parameters)
    key = fingerprint(training, validation, options=options, architecture=architecture, minmax=minmax)
    with Checkpoints(checkpoints, fingerprint=key) as keeper:
        state, progress = keeper.restore(state) or (state, Progress())
        resumed_after = progress.epoch
        loop = _Loop(steps, training.on_device(), validation, options)
        state, progress = loop.run(state, progress, keeper=keeper, on_epoch=on_epoch)
    return Fitted(
        graph=graph,
        parameters=state.best,
        validation_logits=predict_logits(steps.logits, state.best, validation.flux, size=options.batch_size),
        progress=progress,
        device=device,
        seconds=time.perf_counter() - started,
        resumed_after=resumed_after,
    )


@dataclass(frozen=True, slots=True)
class _Loop:
    steps: Steps
    training: Samples
    validation: Samples
    options: TrainingOptions

    def run(
        self,
        state: TrainState,
        progress: Progress,
        *,
        keeper: Checkpoints,
        on_epoch: Callable[[Progress], None] | None,
    ) -> tuple[TrainState, Progress]:
        bar: tqdm[Progress] = track(None, "training", total=self.options.epochs, unit="epochs")
        with bar:
            bar.update(progress.epoch)
            while not self._finished(progress):
                state, progress = self._epoch(state, progress)
                keeper.save(state, progress)
                bar.set_postfix(
                    loss=f"{progress.training_loss[-1]:.3f}",
                    val=f"{progress.validation_loss[-1]:.3f}",
                    refresh=False,
                )
                bar.update(1)
                if on_epoch:
                    on_epoch(progress)
        return state, progress

    def _finished(self, progress: Progress) -> bool:
        return progress.epoch >= self.options.epochs or progress.epochs_without_gain >= self.options.patience

    def _epoch(self, state: TrainState, progress: Progress) -> tuple[TrainState, Progress]:
        parameters, optimiser, loss = self._pass(state.parameters, state.optimiser, epoch=progress.epoch)
        validation, accuracy = self._validate(parameters)
        if not np.isfinite(loss) or not np.isfinite(validation):
            raise UserError(
                f"training diverged in epoch {progress.epoch + 1} (loss {loss}); "
                f"lower the learning rate ({self.options.learning_rate}) and look for bad pixels"
            )
        progress = progress.advance(
            training=loss, validation=validation, accuracy=accuracy, min_delta=self.options.min_delta
        )
        # a copy, because the next step overwrites the buffers of `parameters`
        best = jax.tree.map(jnp.copy, parameters) if progress.improved else state.best
        return TrainState(parameters, optimiser, best), progress

    def _pass(self, parameters: Parameters, optimiser: Any, *, epoch: int) -> tuple[Parameters, Any, float]:
        """Go once over the training split; order and noise follow from seed and epoch alone."""
        n = len(self.training.label)
        order = np.random.default_rng([self.options.seed, epoch]).permutation(n)
        key = jax.random.fold_in(jax.random.key(self.options.seed), epoch)
        sums = []
        for number, batch in enumerate(batches(n, size=self.options.batch_size, order=order)):
            parameters, optimiser, loss, weight = self.steps.train(
                parameters, optimiser, self.training, batch, jax.random.fold_in(key, number)
            )
            sums.append((loss, weight))
        totals = np.array(jax.device_get(sums), dtype=np.float64).sum(axis=0)
        return parameters, optimiser, float(totals[0] / totals[1])

    def _validate(self, parameters: Parameters) -> tuple[float, float]:
        logits = predict_logits(
            self.steps.logits, parameters, self.validation.flux, size=self.options.batch_size
        ).astype(np.float64)
        label, weight = np.asarray(self.validation.label), np.asarray(self.validation.weight, np.float64)
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        loss = -(log_p[np.arange(label.size), label] * weight).sum() / weight.sum()
        return float(loss), float((logits.argmax(axis=1) == label).mean())


def predict_logits(
    logits: Callable[[Parameters, Any], jax.Array],
    parameters: Parameters,
    flux: npt.NDArray[np.float32],
    *,
    size: int,
) -> npt.NDArray[np.float32]:
    """Give the logits of any number of windows, shape (n, 140) → (n, classes), in batches of one size."""
    done = []
    for start in range(0, len(flux), size):
        part = np.zeros((size, flux.shape[1]), dtype=np.float32)
        piece = flux[start : start + size]
        part[: len(piece)] = piece
        done.append(logits(parameters, part)[: len(piece)])
    return np.concatenate([np.asarray(p) for p in done]) if done else np.empty((0, 0), dtype=np.float32)


def fingerprint(*splits: Samples, options: TrainingOptions, architecture: Architecture, minmax: bool) -> str:
    """Digest everything the result of training depends on, but for the machine."""
    digest = hashlib.sha256(repr((options.model_dump_json(), architecture.as_dict(), minmax)).encode())
    for array in (array for split in splits for array in split):
        host = np.ascontiguousarray(array)
        digest.update(repr((host.shape, host.dtype.str)).encode())
        digest.update(host.tobytes())
    return digest.hexdigest()
