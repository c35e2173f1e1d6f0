"""Line measurement by a network: an ensemble of small heads on top of the classical measurement.

* ``heads``: what the heads see, classical measurements as their origin and unit, their training.
* ``fit``: simulated lines that the classifier finds, training, correction of the errors, choice of method.
* ``model``, ``description``: the trained regression, a part of the model, and its settings.

Names are imported when they are first used, so that settings can be read without loading JAX.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vo_emline.training.regression.description import METHODS, RegressionDescription, RegressionOptions
    from vo_emline.training.regression.fit import add_regression, fit_regression
    from vo_emline.training.regression.model import LineRegression

_HOME = {
    "METHODS": "description",
    "LineRegression": "model",
    "RegressionDescription": "description",
    "RegressionOptions": "description",
    "add_regression": "fit",
    "fit_regression": "fit",
}

__all__ = [
    "METHODS",
    "LineRegression",
    "RegressionDescription",
    "RegressionOptions",
    "add_regression",
    "fit_regression",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
