"""Figures of an evaluation: false positives, completeness and calibration, one colour per judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vo_emline.plots.style import NEUTRAL, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

JUDGE_COLOURS: Final = ("#D55E00", "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9")
"""One colour per judge, in their order (Okabe & Ito, colour-blind-safe)."""

QUANTITIES: Final = {
    "ew_significance": "|EW| / σ(EW)",
    "ew": "|EW| (Å)",
    "snr": "S/N per pixel, lines over 10 σ(EW)",
    "separation_kms": "separation (km/s), doubles over 10 σ(EW)",
    "kind": "kind of emission, lines over 10 σ(EW)",
}
"""Quantities by which completeness is shown, and what their axes say."""

_SMALL: Final = 20

Rows = Sequence[Mapping[str, Any]] | Mapping[str, Mapping[str, Any]]


@styled
def false_positive_rates(judges: Mapping[str, Mapping[str, Any]], *, rule: str) -> Figure:
    """Draw the share of real negatives called positive, by S/N and by spectral type.

    Parameters
    ----------
    judges
        By the name of the judge, by rule, what
        :func:`~vo_emline.evaluate.trial.false_positives` gives.
    rule
        The rule to show; judges without it are left out.
    """
    shown = {name: rules[rule] for name, rules in judges.items() if rule in rules}
    figure = new_figure(8.6, 3.2)
    axes = figure.subplots(1, 2, sharey=True)
    _shares(axes[0], {name: found["by_snr"] for name, found in shown.items()})
    _shares(axes[1], {name: found["by_type"] for name, found in shown.items()})
    axes[0].set(xlabel="S/N per pixel in r", ylabel="called positive", title=f"real negatives, {rule}")
    axes[1].set(xlabel="spectral type")
    axes[0].set_ylim(-0.01, _top(shown))
    axes[0].legend(loc="upper right")
    return figure


@styled
def completeness_curves(judges: Mapping[str, Mapping[str, Any]], *, title: str) -> Figure:
    """Draw the share of injected emission that is recovered, by each of :data:`QUANTITIES`.

    Parameters
    ----------
    judges
        By the name of the judge, what :func:`~vo_emline.evaluate.trial.completeness` gives.
    title
        At which threshold.
    """
    figure = new_figure(10.8, 5.8)
    panels = figure.subplots(2, 3, sharey=True)
    for panel, (name, label) in zip(panels.flat, QUANTITIES.items(), strict=False):
        _shares(panel, {judge: found["by"][name] for judge, found in judges.items()})
        panel.set_xlabel(label)
        panel.set_ylim(-0.03, 1.03)
        panel.axhline(1.0, color=NEUTRAL, linestyle=":", linewidth=0.8)
    for row in panels[:, 0]:
        row.set_ylabel("recovered")
    handles, names = panels[0, 0].get_legend_handles_labels()
    panels[1, 2].axis("off")
    panels[1, 2].legend(handles, names, loc="upper left", title=title, title_fontsize=8)
    return figure


@styled
def reliability_diagram(judges: Mapping[str, Mapping[str, Any] | None]) -> Figure:
    """Draw the frequency of emission against its probability, one panel per prevalence.

    Parameters
    ----------
    judges
        By the name of the judge and of the prevalence, what
        :func:`~vo_emline.evaluate.reliability.reliability` gives; None for a
        judge without probabilities, which keeps its colour all the same.
    """
    colours = dict(zip(judges, JUDGE_COLOURS, strict=False))
    shown = {name: found for name, found in judges.items() if found is not None}
    prevalences = list(next(iter(shown.values())))
    figure = new_figure(4.2 * len(prevalences), 4.6)
    panels = figure.subplots(1, len(prevalences), squeeze=False)[0]
    for panel, prevalence in zip(panels, prevalences, strict=True):
        panel.plot([0, 1], [0, 1], color=NEUTRAL, linestyle=":", linewidth=0.8)
        for name, found in shown.items():
            _reliability(panel, found[prevalence], name=name, colour=colours.get(name, NEUTRAL))
        errors = [f"ECE {found[prevalence]['ece']['value']:.3f}  {name}" for name, found in shown.items()]
        share = next(iter(shown.values()))[prevalence]["prevalence"]
        panel.set(xlabel="probability of emission", ylabel="frequency of emission")
        panel.set_title("\n".join([f"prevalence {share:.0%}", *errors]))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _top(shown: Mapping[str, Any]) -> float:
    """Give the upper end of an axis that shows the intervals of all but the smallest bins."""
    rows = [row for found in shown.values() for row in (*found["by_snr"], *found["by_type"].values())]
    ends = [row["interval"][1] for row in rows if row["of"] >= _SMALL]
    return min(1.0, 1.15 * max(ends, default=1.0))


def _reliability(panel: Axes, found: Mapping[str, Any], *, name: str, colour: str) -> None:
    bins = found["bins"]
    x, y = (np.array([one[key] for one in bins]) for key in ("predicted", "observed"))
    low, high = np.array([one["interval"] for one in bins]).T
    ends = np.maximum([y - low, high - y], 0.0)
    panel.errorbar(x, y, yerr=ends, color=colour, linestyle="none", marker="o", markersize=4, label=name)


def _shares(panel: Axes, judges: Mapping[str, Rows]) -> None:
    """Draw shares with their intervals over bins that stand side by side; judges a little apart."""
    tables = {name: _by_label(rows) for name, rows in judges.items()}
    labels = list(next(iter(tables.values()), {}))
    width = 0.12
    middle = (len(tables) - 1) / 2
    for number, (name, table) in enumerate(tables.items()):
        rows = [table[label] for label in labels]
        y = np.array([row["value"] for row in rows], dtype=float)
        low, high = np.array([row["interval"] for row in rows], dtype=float).reshape(-1, 2).T
        panel.errorbar(
            np.arange(len(labels)) + width * (number - middle), y, yerr=np.maximum([y - low, high - y], 0.0),
            color=JUDGE_COLOURS[number % len(JUDGE_COLOURS)], linestyle="none", marker="o", markersize=3.5,
            linewidth=1.0, label=name,
        )  # fmt: skip
    counts = [row["of"] for row in next(iter(tables.values()), {}).values()]
    panel.set_xticks(
        range(len(labels)), [f"{label}\n{n}" for label, n in zip(labels, counts, strict=True)], fontsize=6.5
    )


def _by_label(rows: Rows) -> dict[str, Mapping[str, Any]]:
    if isinstance(rows, Mapping):
        return dict(rows)
    return {_bin_label(row["low"], row["high"]): row for row in rows}


def _bin_label(low: float | None, high: float | None) -> str:
    if low is None:
        return f"<{high:g}"
    return f"≥{low:g}" if high is None else f"{low:g}–{high:g}"
