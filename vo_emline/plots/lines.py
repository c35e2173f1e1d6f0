"""Figures of measured lines: whether their errors are what they say, and how large they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vo_emline.plots.style import NEUTRAL, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

METHOD_COLOURS: Final = {"network": "#D55E00", "classical": "#0072B2"}
"""One colour per method (Okabe & Ito, colour-blind-safe)."""

TITLES: Final = {
    "ew": "equivalent width (Å)",
    "fwhm": "FWHM (km/s)",
    "radial_velocity": "radial velocity (km/s)",
    "peak_separation": "peak separation (km/s)",
    "vr_ratio": "V/R",
}


@styled
def pit_histograms(quality: Mapping[str, Any]) -> Figure:
    """Draw histograms of the probability integral transform, one panel per quantity.

    They are flat where errors are what they say; hollow where these are too
    large, horned where they are too small, tilted where values are biased. The
    band holds 95 % of the bins of a flat one.

    Parameters
    ----------
    quality
        What :func:`~vo_emline.evaluate.lines.line_quality` gives.
    """
    figure = new_figure(11.0, 2.7)
    panels = figure.subplots(1, len(TITLES), sharey=True)
    for panel, (name, title) in zip(panels, TITLES.items(), strict=True):
        _pit(panel, quality["quantities"][name]["methods"])
        panel.set(title=title, xlabel="PIT", ylim=(0.0, 2.5), xlim=(0.0, 1.0))
    panels[0].set_ylabel("density")
    _name_methods(panels[0])
    return figure


def _pit(panel: Axes, methods: Mapping[str, Any]) -> None:
    for name, found in methods.items():
        counts = np.array(found["pit"], dtype=float)
        edges = np.linspace(0.0, 1.0, len(counts) + 1)
        panel.stairs(counts / counts.mean(), edges, color=METHOD_COLOURS[name], label=name, linewidth=1.2)
    if methods:
        mean = next(iter(methods.values()))["n"] / len(counts)
        half = 1.96 / np.sqrt(mean)
        panel.axhspan(1.0 - half, 1.0 + half, color=NEUTRAL, alpha=0.2, linewidth=0)


@styled
def line_scatter(quality: Mapping[str, Any]) -> Figure:
    """Draw scatter against the truth, and the median stated error, by S/N: one panel per quantity.

    Parameters
    ----------
    quality
        As for :func:`pit_histograms`.
    """
    figure = new_figure(11.0, 2.7)
    panels = figure.subplots(1, len(TITLES))
    for panel, (name, title) in zip(panels, TITLES.items(), strict=True):
        _by_snr(panel, quality["quantities"][name]["by_snr"])
        panel.set(title=title, xlabel="S/N per pixel")
    panels[0].set_ylabel("scatter (points), stated error (lines)")
    _name_methods(panels[0])
    return figure


def _name_methods(panel: Axes) -> None:
    handles, names = panel.get_legend_handles_labels()
    if handles:
        panel.legend(handles, names, loc="upper right")


def _by_snr(panel: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    from matplotlib.ticker import LogFormatter

    labels = [
        f"≥{row['low']:g}" if row["high"] is None else f"{row['low']:g}–{row['high']:g}" for row in rows
    ]
    place = np.arange(len(rows))
    for name in rows[0]["methods"] if rows else ():
        found = [row["methods"][name] for row in rows]
        colour = METHOD_COLOURS[name]
        panel.plot(place, [one["error"] for one in found], color=colour, label=name)
        panel.plot(place, [one["scatter"] for one in found], color=colour, marker="o", linestyle="none")
    panel.set_xticks(place, labels, fontsize=6)
    panel.set_yscale("log")
    panel.tick_params(axis="y", which="both", labelsize=6)
    panel.yaxis.set_major_formatter(LogFormatter())
    panel.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1.5, 0.5)))
