"""Figures of a training: the curve of the losses and the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vo_emline.labels import LABELS
from vo_emline.plots.style import LABEL_COLOURS, NEUTRAL, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def training_curve(training_loss: Sequence[float], validation_loss: Sequence[float], *, best: int) -> Figure:
    """Draw the cross-entropy of both splits over the epochs.

    Parameters
    ----------
    training_loss, validation_loss
        Mean cross-entropy per epoch, nats.
    best
        Index of the epoch whose weights were kept.
    """
    figure = new_figure(5.5, 3.4)
    axes = figure.subplots()
    epochs = np.arange(1, len(training_loss) + 1)
    axes.plot(epochs, training_loss, color=NEUTRAL, label="training (balanced, with dropout)")
    axes.plot(epochs, validation_loss, color=LABEL_COLOURS["emission"], label="validation (other stars)")
    axes.axvline(best + 1, color=NEUTRAL, linestyle=":", linewidth=0.8)
    axes.annotate(
        f"kept: epoch {best + 1}", (best + 1, 0.97), xycoords=("data", "axes fraction"),
        xytext=(4, 0), textcoords="offset points", va="top", fontsize=8,
    )  # fmt: skip
    axes.set(xlabel="epoch", ylabel="cross-entropy (nats)", yscale="log")
    axes.legend(loc="upper right", bbox_to_anchor=(1.0, 0.9))
    return figure


@styled
def confusion(matrix: npt.ArrayLike, *, title: str) -> Figure:
    """Draw a confusion matrix: counts, and shades by the share of the true class.

    Parameters
    ----------
    matrix
        Counts, shape (3, 3), rows true classes, columns predicted ones, in the order of ``LABELS``.
    title
        What was classified (``held-out stars: 412 spectra of 120 stars``).
    """
    counts = np.asarray(matrix, dtype=int)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = new_figure(4.4, 3.8)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        axes.text(
            column, row, f"{count}\n{share:.1%}", ha="center", va="center",
            color="white" if share > 0.5 else "black",
        )  # fmt: skip
    ticks = range(len(LABELS))
    axes.set_xticks(ticks, LABELS)
    axes.set_yticks(ticks, LABELS, rotation=90, va="center")
    axes.set(xlabel="predicted", ylabel="true", title=title)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure
