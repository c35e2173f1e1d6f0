"""The figure of the domain adaptation: one star, two instruments, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vo_emline.plots.style import SOURCE, TARGET, mark_halpha, new_figure, styled
from vo_emline.preprocess import GRID, Step

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def adaptation(stars: Sequence[tuple[str, Sequence[Step]]]) -> Figure:
    """Draw stars that both instruments saw, one row each, one column per step.

    Parameters
    ----------
    stars
        Name of each star and its steps, as :func:`~vo_emline.preprocess.adaptation_steps` gives them.
    """
    columns = max(len(steps) for _, steps in stars)
    figure = new_figure(2.5 * columns, 1.9 * len(stars) + 0.6)
    panels = figure.subplots(len(stars), columns, sharex=True, squeeze=False)
    for row, (name, steps) in zip(panels, stars, strict=True):
        row[0].set_ylabel(name, fontsize=8)
        for panel, step in zip(row, steps, strict=True):
            panel.plot(GRID, step.target, color=TARGET, label="survey")
            panel.plot(GRID, step.source, color=SOURCE, label="labelled archive", linewidth=0.9)
            mark_halpha(panel)
            panel.set_title(f"{step.name}\nresidual {step.residual:.2f} σ", fontsize=7)
            panel.tick_params(labelsize=7)
    panels[0, 0].legend(loc="lower left", fontsize=6)
    figure.supxlabel("vacuum wavelength (Å); dotted: Hα", fontsize=8)
    return figure
