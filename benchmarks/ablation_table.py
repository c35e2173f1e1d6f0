"""The table of the ablation: Markdown, and how much the seed alone changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from vo_emline.evaluate.report import AIMS
from vo_emline.training.metrics import binomial_interval

Row = Mapping[str, Any]

COLUMNS: Final = ("false pos.", "degraded", "> 10 σ", "stick out", "core", "doubles", "singles", "ECE")
"""Short names of the :data:`~vo_emline.evaluate.report.AIMS`, in their order."""

JUDGE: Final = "network"

OF_THE_SAME: Final = 1
"""The first columns are of the same spectra whatever the seed, which repeating does not make more."""


def table(rows: Sequence[Row]) -> str:
    """Write the table as Markdown: shares in per cent, all seeds together, with exact 95 % intervals."""
    lines = [
        "| | variant | " + " | ".join(COLUMNS) + " | Brier |",
        "|---|---|" + "--:|" * (len(COLUMNS) + 1),
        "| | *aim* | " + " | ".join(map(_aim, range(len(AIMS)))) + " | |",
    ]
    for number, same in _by_variant(rows).items():
        cells = [_cell([_figure(row, i) for row in same], again=i < OF_THE_SAME) for i in range(len(AIMS))]
        brier = float(np.mean([row["brier"] for row in same]))
        lines.append(f"| {number} | {same[0]['name']} | " + " | ".join(cells) + f" | {brier:.3f} |")
    return "\n".join(lines) + "\n"


def scatter(rows: Sequence[Row]) -> dict[str, float]:
    """Give the standard deviation between seeds, root mean square over the variants, for each column."""
    found = {}
    for i, name in enumerate(COLUMNS):
        values = [[_figure(row, i)["value"] for row in same] for same in _by_variant(rows).values()]
        variances = [np.var(seeds, ddof=1) for seeds in values if len(seeds) > 1]
        found[name] = float(np.sqrt(np.mean(variances))) if variances else float("nan")
    return found


def _by_variant(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found = defaultdict(list)
    for row in rows:
        found[row["number"]].append(row)
    return found


def _figure(row: Row, column: int) -> Mapping[str, Any]:
    known: Mapping[str, Any] = row["headline"][column]["judges"][JUDGE]
    return known


def _aim(column: int) -> str:
    aim = AIMS[column]
    value = f"{aim.aim * 100:g}" if aim.percent else f"{aim.aim:g}"
    return f"{'≥' if aim.at_least else '≤'} {value}"


def _cell(figures: Sequence[Mapping[str, Any]], *, again: bool) -> str:
    """Write a share of all seeds with its interval, or the mean where the figure is no share."""
    if "count" not in figures[0]:
        return f"{np.mean([figure['value'] for figure in figures]):.3f}"
    count, total = (sum(figure[key] for figure in figures) for key in ("count", "of"))
    share = count / max(total, 1)
    repeats = len(figures) if again else 1
    low, high = binomial_interval(round(count / repeats), total // repeats)
    return f"{100 * share:.1f} ({100 * low:.1f}–{100 * high:.1f})"
