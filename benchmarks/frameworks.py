"""The network of a trained model in several frameworks, with the same weights; one process works with one.

Started by ``predict.py``, not by hand. A worker reads a problem (weights and windows), says what it is and
how it agrees with the reference, then runs one round for every line it gets.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Network = Callable[[Array], Array]
"""(windows) → logits, in one framework."""

BATCHES: Final = (128, 256, 1024)
"""Every framework gets the batch it likes best."""

CONVOLUTIONS: Final = 6
HIDDEN: Final = 2


def ours(problem: Problem) -> Network:
    """Give the classifier as it comes, with its own batches."""
    return problem.classifier().predict_logits


def ours_direct(problem: Problem) -> Network:
    """Compute the same network by XLA's direct convolutions."""
    from vo_emline.training.architecture import Architecture
    from vo_emline.training.prediction import Predictor, formulate

    classifier = problem.classifier()
    architecture = Architecture.from_dict(classifier.description.architecture)
    return Predictor(*formulate(architecture, classifier.parameters, platform="gpu"), batch=256)


def keras(problem: Problem) -> Network:
    """Build it in Keras on TensorFlow, as the thesis did, compiled to a graph."""
    return _keras(problem, xla=False)


def keras_xla(problem: Problem) -> Network:
    """Build it in Keras, compiled by TensorFlow's XLA."""
    return _keras(problem, xla=True)


def _keras(problem: Problem, *, xla: bool) -> Network:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras as k
    import tensorflow as tf
    from keras_network import build, set_weights

    model = build(problem.weights)
    set_weights(model, problem.weights)
    k.backend.clear_session(free_memory=False)
    compiled = tf.function(lambda x: model(x, training=False), jit_compile=xla, reduce_retracing=False)
    return problem.in_best_batches(lambda x: compiled(tf.constant(x[:, :, None])).numpy())


def torch_eager(problem: Problem) -> Network:
    """Build it in PyTorch with Conv1d."""
    return _torch(problem, two_dimensional=False, compiled=False)


def torch_channels_last(problem: Problem) -> Network:
    """Build it in PyTorch with Conv2d of height 1, channels last."""
    return _torch(problem, two_dimensional=True, compiled=False)


def torch_compiled(problem: Problem) -> Network:
    """Build it in PyTorch, channels last, with torch.compile."""
    return _torch(problem, two_dimensional=True, compiled=True)


def _torch(problem: Problem, *, two_dimensional: bool, compiled: bool) -> Network:
    import torch
    from torch.nn import functional as f

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    last: Any = torch.channels_last if two_dimensional else torch.contiguous_format
    weights = {}
    for name, value in problem.weights.items():
        kernel = name.startswith("convolutions.") and value.ndim == 3
        array = value.transpose(2, 1, 0)[:, :, None] if kernel and two_dimensional else value.T
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        weights[name] = tensor.contiguous(memory_format=last) if kernel else tensor

    def forward(x: Any) -> Any:
        for number in range(CONVOLUTIONS):
            kernel, bias = (weights[f"convolutions.{number}.{kind}"] for kind in ("kernel", "bias"))
            x = f.relu((f.conv2d if two_dimensional else f.conv1d)(x, kernel, bias))
            if number % 2:
                x = f.max_pool2d(x, (1, 2)) if two_dimensional else f.max_pool1d(x, 2)
        x = (x[:, :, 0] if two_dimensional else x).transpose(1, 2).flatten(1)
        for number in range(HIDDEN):
            x = f.relu(f.linear(x, weights[f"hidden.{number}.kernel"], weights[f"hidden.{number}.bias"]))
        return f.linear(x, weights["output.kernel"], weights["output.bias"])

    function: Any = torch.compile(forward) if compiled else forward

    def logits(x: Array) -> Array:
        shaped = torch.from_numpy(x)[:, None, None] if two_dimensional else torch.from_numpy(x)[:, None]
        with torch.inference_mode():
            return np.asarray(function(shaped.contiguous(memory_format=last)).numpy())

    return problem.in_best_batches(logits)


def onnx(problem: Problem) -> Network:
    """Run it in ONNX Runtime."""
    import onnxruntime
    from onnx_network import build

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    session = onnxruntime.InferenceSession(
        build(problem.weights), options, providers=["CPUExecutionProvider"]
    )
    return problem.in_best_batches(lambda x: session.run(None, {"flux": x[:, None]})[0])


def cascade(problem: Problem) -> Network:
    """Run the cascade: its student on all windows, the full network on those it passes on."""
    from vo_emline.training.options import CLASS_SHARES
    from vo_emline.training.student import Student

    classifier, student = problem.classifier(), Student.load(problem.model)
    if student is None:
        raise ImportError("the model has no student (python -m vo_emline.training.distillation MODEL)")

    def logits(x: Array) -> Array:
        passed = student.passes(student.predict_proba(x, shares=CLASS_SHARES))
        found = np.full((len(x), 3), np.nan, dtype=np.float32)
        found[passed] = classifier.predict_logits(x[passed])
        return found

    return logits


FRAMEWORKS: Final[dict[str, Callable[[Problem], Network]]] = {
    "vo-emline": ours,
    "vo-emline, direct convolutions": ours_direct,
    "TensorFlow/Keras": keras,
    "TensorFlow/Keras, XLA": keras_xla,
    "PyTorch": torch_eager,
    "PyTorch, channels last": torch_channels_last,
    "PyTorch, torch.compile": torch_compiled,
    "ONNX Runtime": onnx,
    "vo-emline, cascade": cascade,
}


class Problem:
    """Weights and windows that all frameworks get."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as arrays:
            self.flux: Array = arrays["flux"]
            self.reference: Array = arrays["reference"]
            self.model = Path(str(arrays["model"]))
            self.weights = {
                name.removeprefix("weights."): arrays[name] for name in arrays.files if "weights." in name
            }

    def classifier(self) -> Any:
        """Load the model."""
        return importlib.import_module("vo_emline.training").Classifier.load(self.model)

    def in_best_batches(self, logits: Network) -> Network:
        """Cut windows into batches of the size that is fastest."""

        def cut(size: int) -> Network:
            return lambda x: np.concatenate([logits(x[i : i + size]) for i in range(0, len(x), size)])

        sizes = [size for size in BATCHES if len(self.flux) % size == 0] or [len(self.flux)]
        taken = {}
        for size in sizes:
            cut(size)(self.flux)  # compiles
            taken[size] = seconds(lambda size=size: cut(size)(self.flux))  # type: ignore[misc]
        return cut(min(taken, key=lambda size: taken[size]))


def seconds(work: Callable[[], Any]) -> float:
    """Give the wall time of `work`, s."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Work: ``frameworks.py NAME PROBLEM``; lines in, seconds out."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what frameworks print is no answer
    problem = Problem(Path(sys.argv[2]))
    try:
        network = FRAMEWORKS[sys.argv[1]](problem)
        found = network(problem.flux)
    except ImportError as error:
        answers.write(json.dumps({"missing": str(error)}) + "\n")
        return
    full = np.isfinite(found).all(axis=1)
    difference = float(np.abs(found - problem.reference)[full].max())
    answers.write(json.dumps({"difference": difference, "full": float(full.mean())}) + "\n")
    answers.flush()
    for _ in sys.stdin:
        answers.write(json.dumps(seconds(lambda: network(problem.flux))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
