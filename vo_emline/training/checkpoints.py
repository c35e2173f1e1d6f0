"""Checkpoints by orbax: training killed at any moment goes on to the result it would have had."""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import jax
import orbax.checkpoint as ocp

from vo_emline.files import room_for
from vo_emline.training.architecture import Parameters

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far training has come, and the losses on the way. JSON-ready."""

    epoch: int = 0
    """Finished epochs."""
    best_epoch: int = -1
    """Index of the epoch with the lowest validation loss, from 0; −1 before the first."""
    best_loss: float = float("inf")
    training_loss: list[float] = field(default_factory=list)
    """Mean cross-entropy per epoch on the balanced training split with dropout, nats."""
    validation_loss: list[float] = field(default_factory=list)
    """Mean cross-entropy per epoch on the validation stars, nats."""
    validation_accuracy: list[float] = field(default_factory=list)

    def advance(self, *, training: float, validation: float, accuracy: float, min_delta: float) -> Progress:
        """Give the progress after one more epoch with these losses."""
        better = validation < self.best_loss - min_delta
        return Progress(
            epoch=self.epoch + 1,
            best_epoch=self.epoch if better else self.best_epoch,
            best_loss=validation if better else self.best_loss,
            training_loss=[*self.training_loss, training],
            validation_loss=[*self.validation_loss, validation],
            validation_accuracy=[*self.validation_accuracy, accuracy],
        )

    @property
    def improved(self) -> bool:
        """Whether the last epoch was the best so far."""
        return self.best_epoch == self.epoch - 1

    @property
    def epochs_without_gain(self) -> int:
        """Epochs since the best one."""
        return self.epoch - 1 - self.best_epoch


class TrainState(NamedTuple):
    """The arrays that change while training."""

    parameters: Parameters
    optimiser: Any
    best: Parameters
    """Parameters after the best epoch so far."""


class Checkpoints:
    """The checkpoints of one training, in a folder of its own.

    The folder is named after a digest of everything the result depends on
    (data, settings, network), so that training never resumes from the
    checkpoint of another one. Orbax writes each checkpoint beside its place
    and renames it, so that a kill leaves the last complete one.

    Parameters
    ----------
    directory
        Folder for checkpoints.
    fingerprint
        Digest of data and settings.
    """

    def __init__(self, directory: Path, *, fingerprint: str) -> None:
        self._root = directory.resolve()
        self._manager = ocp.CheckpointManager(
            self._root / fingerprint[:16],
            options=ocp.CheckpointManagerOptions(
                max_to_keep=2, enable_async_checkpointing=False, create=True
            ),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._manager.close()

    def save(self, state: TrainState, progress: Progress) -> None:
        """Write a checkpoint after an epoch.

        Raises
        ------
        UserError
            There is no room for it; those before are kept.
        """
        arguments = ocp.args.Composite(
            arrays=ocp.args.StandardSave(state._asdict()), progress=ocp.args.JsonSave(asdict(progress))
        )
        with room_for(self._root), _quiet_threads():
            try:
                self._manager.save(progress.epoch, args=arguments)
            except ValueError as error:
                raise _of_system(error, self._root) or error from error

    def restore(self, like: TrainState) -> tuple[TrainState, Progress] | None:
        """Read the latest checkpoint, None where there is none.

        Parameters
        ----------
        like
            A state of the same shapes and types.
        """
        step = self._manager.latest_step()
        if step is None:
            return None
        shapes = jax.tree.map(ocp.utils.to_shape_dtype_struct, like._asdict())
        found = self._manager.restore(
            step,
            args=ocp.args.Composite(arrays=ocp.args.StandardRestore(shapes), progress=ocp.args.JsonRestore()),
        )
        logger.info("training resumes after epoch %d", step)
        return TrainState(**found["arrays"]), Progress(**found["progress"])

    @staticmethod
    def remove(directory: Path) -> None:
        """Remove all checkpoints in `directory`: training is finished and its weights are written."""
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _quiet_threads() -> Iterator[None]:
    """Keep threads of orbax from logging the traceback of what they raise: it is raised here too."""
    absl = logging.getLogger("absl")
    level = absl.level
    logging.getLogger("asyncio").addFilter(
        _raised_already
    )  # for good: asyncio speaks when it collects a task
    absl.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        absl.setLevel(level)


class _RaisedAlready(logging.Filter):
    """Drop what asyncio says of the other writes of a failed checkpoint: the first error is raised."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not (isinstance(error, ValueError) and _SYSTEM_ERROR.search(str(error)))


_SYSTEM_ERROR: Final = re.compile(r"os_error_code='(\d+)'")
_raised_already: Final = _RaisedAlready()


def _of_system(error: ValueError, path: Path) -> OSError | None:
    """Give the error of the operating system that TensorStore puts in words, where it is one."""
    found = _SYSTEM_ERROR.search(str(error))
    return OSError(int(found[1]), os.strerror(int(found[1])), str(path)) if found else None
