"""Training: seconds per epoch and to a validation score, ours against Keras.

``make bench-train`` or ``python benchmarks/train.py [--stars N] [--epochs N] [--score A]``. Both frameworks
get the same simulated windows, the same first weights, batches of 256, Adam with a step of 0.001 and dropout
of a half, each in a process of its own, one after the other, in turns. Neither varies the windows. Ours
writes a checkpoint after every epoch, as it always does. Compilation counts to the first epoch, which the
seconds per epoch leave out and the seconds to the score do not. ``pip install 'vo-emline[bench]'`` brings
Keras; where it is missing, ours is measured alone.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

BATCH: Final = 256
STEP: Final = 1e-3
VALIDATION: Final = 0.2


def ours(problem: Any, epochs: int) -> list[list[float]]:
    """Train by :func:`vo_emline.training.trainer.fit`; seconds since the start and accuracy, per epoch."""
    from vo_emline.training.options import TrainingOptions
    from vo_emline.training.steps import Samples
    from vo_emline.training.trainer import fit

    options = TrainingOptions(
        epochs=epochs, patience=epochs, batch_size=BATCH, learning_rate=STEP, augment=None
    )
    training, validation = (
        Samples(
            problem[f"{side}_flux"], problem[f"{side}_label"], np.ones(len(problem[f"{side}_label"]), "f4")
        )
        for side in ("training", "validation")
    )
    history: list[list[float]] = []
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        fit(
            training,
            validation,
            options=options,
            checkpoints=Path(folder) / "checkpoints",
            on_epoch=lambda progress: history.append(
                [time.perf_counter() - began, progress.validation_accuracy[-1]]
            ),
        )
    return history


def keras(problem: Any, epochs: int) -> list[list[float]]:
    """Train by ``Model.fit`` of Keras on TensorFlow; seconds since the start and accuracy, per epoch."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras as k
    from keras_network import build, set_weights

    weights = {name: problem[name] for name in problem.files if name.endswith((".kernel", ".bias"))}
    model = build(weights)
    set_weights(model, weights)
    loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=k.optimizers.Adam(STEP), loss=loss, metrics=["accuracy"])
    history: list[list[float]] = []
    began = time.perf_counter()
    note = k.callbacks.LambdaCallback(
        on_epoch_end=lambda _, logs: history.append(
            [time.perf_counter() - began, float(logs["val_accuracy"])]
        )
    )
    model.fit(
        problem["training_flux"][:, :, None],
        problem["training_label"],
        batch_size=BATCH,
        epochs=epochs,
        validation_data=(problem["validation_flux"][:, :, None], problem["validation_label"]),
        validation_batch_size=BATCH,
        callbacks=[note],
        verbose=0,
    )
    return history


TRAINERS: Final = {"vo-emline": ours, "TensorFlow/Keras": keras}


def write_problem(path: Path, *, stars: int) -> None:
    """Write simulated windows, in two splits, and the first weights."""
    from vo_emline.simulate import simulate_windows
    from vo_emline.training import TrainingOptions, simulated_examples
    from vo_emline.training.architecture import Architecture
    from vo_emline.training.network import build

    examples = simulated_examples(simulate_windows(stars, seed=1))
    flux, label = examples.windows.flux, examples.label.astype(np.int32)
    held = int(VALIDATION * len(flux))
    weights = build(Architecture(), seed=TrainingOptions().seed)[1]
    np.savez(
        path,
        validation_flux=flux[:held],
        validation_label=label[:held],
        training_flux=flux[held:],
        training_label=label[held:],
        **{name: np.asarray(value) for name, value in weights.items()},
    )


def train(name: str, problem: Path, *, epochs: int) -> list[list[float]] | None:
    """Train in a process of its own; None where the framework is missing."""
    command = [sys.executable, str(Path(__file__)), "--worker", name, str(problem), "--epochs", str(epochs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1]
        if "ModuleNotFoundError" not in last:
            raise SystemExit(f"{name} failed:\n{done.stderr}")
        sys.stderr.write(f"left out: {name} ({last})\n")
        return None
    found: list[list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def epoch_seconds(history: list[list[float]]) -> float:
    """Give the median of the seconds per epoch, without the first."""
    return median(np.diff([at for at, _ in history]).tolist() or [history[0][0]])


def seconds_to(score: float, history: list[list[float]]) -> float | None:
    """Give the seconds until the validation accuracy has reached `score`; None where it has not."""
    return next((at for at, accuracy in history if accuracy >= score), None)


def table(histories: dict[str, list[list[list[float]]]], *, score: float) -> str:
    """Give the figures of all rounds as a table in Markdown."""
    lines = [
        f"| | seconds per epoch | seconds to {score:.3f} | best validation accuracy |",
        "|---|---:|---:|---:|",
    ]
    for name, rounds in histories.items():
        epochs = [epoch_seconds(history) for history in rounds]
        reached = [found for history in rounds if (found := seconds_to(score, history)) is not None]
        to_score = f"{median(reached):.1f}" if reached else "not reached"
        best = max(accuracy for history in rounds for _, accuracy in history)
        lines.append(f"| {name} | {median(epochs):.2f} ({min(epochs):.2f} to {max(epochs):.2f}) "
                     f"| {to_score} | {best:.4f} |")  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    """Measure and write a table for the documentation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stars", type=int, default=12_000, help="simulated stars [%(default)s]")
    parser.add_argument("--epochs", type=int, default=8, help="[%(default)s]")
    parser.add_argument("--rounds", type=int, default=2, help="[%(default)s]")
    parser.add_argument("--score", type=float, default=0.90, help="validation accuracy [%(default)s]")
    parser.add_argument("--worker", nargs=2, metavar=("NAME", "PROBLEM"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    if options.worker:
        name, problem = options.worker
        history = TRAINERS[name](np.load(problem), options.epochs)
        sys.stdout.write(json.dumps(history) + "\n")
        return
    load = os.getloadavg()[0]
    histories: dict[str, list[list[list[float]]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "problem.npz"
        write_problem(path, stars=options.stars)
        for _ in range(options.rounds):
            for name in TRAINERS:
                history = train(name, path, epochs=options.epochs)
                if history is not None:
                    histories.setdefault(name, []).append(history)
    sys.stdout.write(
        f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores (load {load:.1f} before), "
        f"{options.stars} simulated stars, {options.rounds} rounds\n\n"
        f"{table(histories, score=options.score)}\n"
    )


if __name__ == "__main__":
    main()
