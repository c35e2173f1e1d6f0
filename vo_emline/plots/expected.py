"""A figure of the expected absorption: what Hα should be against what it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from vo_emline.plots.style import NEUTRAL, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS: Final = ("#0072B2", "#D55E00", "#009E73")
_SHOWN: Final = (-8.0, 20.0)


@styled
def expected_absorption(groups: Mapping[str, Mapping[str, list[float]]], *, half_width: float) -> Figure:
    """Draw observed against expected equivalent widths, and how far they lie apart.

    Parameters
    ----------
    groups
        By the name of a group of spectra: ``expected`` and ``observed`` equivalent widths (Å, emission
        negative) and the ``excess`` (standard deviations, positive for emission), shape (n,) each.
    half_width
        Distance from Hα within which they hold, Å.
    """
    figure = new_figure(8.6, 3.6)
    left, right = figure.subplots(1, 2)
    bins = np.arange(*_SHOWN, 0.5)
    for (name, group), colour in zip(groups.items(), COLOURS, strict=False):
        observed, expected = (np.array(group[key]) for key in ("observed", "expected"))
        left.plot(expected, observed, ".", color=colour, markersize=4, alpha=0.7, label=name)
        excess = np.clip(group["excess"], bins[0], bins[-1] - 0.1)
        weights = np.full(excess.size, 1.0 / max(excess.size, 1))
        right.hist(excess, bins, weights=weights, histtype="step", color=colour, label=name)
    ends = np.array(left.get_xlim())
    left.plot(ends, ends, color=NEUTRAL, linestyle=":", linewidth=0.8, zorder=0)
    left.set(
        xlabel=f"equivalent width expected within {half_width:g} Å (Å)",
        ylabel="observed (Å, emission negative)",
        ylim=(ends[0] - 3.0, ends[1] + 1.0),
    )
    left.legend(loc="upper left")
    width = bins[1] - bins[0]
    right.plot(
        bins, width * np.exp(-0.5 * bins**2) / np.sqrt(2 * np.pi), color=NEUTRAL, linestyle=":", linewidth=0.8
    )
    right.set(xlabel="excess over the expectation (standard deviations)", ylabel="share per half")
    return figure
