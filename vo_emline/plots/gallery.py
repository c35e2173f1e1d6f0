"""A gallery of windows around Hα."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vo_emline.plots.style import LABEL_COLOURS, mark_halpha, new_figure, styled
from vo_emline.preprocess import GRID

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def gallery(
    flux: npt.NDArray[np.floating], labels: Sequence[str], *, titles: Sequence[str], columns: int = 4
) -> Figure:
    """Draw windows side by side, Hα marked, coloured by class.

    Parameters
    ----------
    flux
        Windows on the vacuum grid, any scale, shape (n, 140).
    labels
        Class of each, n words.
    titles
        A line over each panel, n texts.
    columns
        Panels per row.
    """
    rows = max(1, ceil(len(flux) / columns))
    figure = new_figure(2.5 * columns, 1.7 * rows + 0.4)
    panels = figure.subplots(rows, columns, sharex=True, squeeze=False)
    for panel in panels.flat[len(flux) :]:
        panel.set_visible(False)
    for panel in panels.flat[max(0, len(flux) - columns) : len(flux)]:
        panel.tick_params(labelbottom=True)
    for panel, window, label, title in zip(panels.flat, flux, labels, titles, strict=False):
        panel.plot(GRID, window, color=LABEL_COLOURS[label])
        mark_halpha(panel)
        panel.set_title(title, fontsize=7)
        panel.set_yticks([])
        panel.tick_params(labelsize=7)
    figure.supxlabel("vacuum wavelength (Å); dotted: Hα", fontsize=8)
    figure.supylabel("flux (scaled)", fontsize=8)
    return figure
