"""Tables and the figure of ``benchmarks/active.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from vo_emline.plots.style import NEUTRAL, new_figure, save, styled

SECONDS_PER_LABEL: Final = 3.0
"""What a label costs by keys, for the minutes in the table."""

COLOURS: Final = {"ours": "#D55E00", "entropy (2020)": "#0072B2", "random": NEUTRAL}

TITLES: Final = {"simulated": "simulated surveys", "real": "real spectra, other plates"}

Results = dict[str, list[dict[str, Any]]]


def table(found: Results) -> str:
    """Write Markdown tables: labels needed, and how often the intervals of audits held the truth."""
    lines: list[str] = []
    for kind, seeds in found.items():
        if seeds:
            lines += [f"**{TITLES[kind]}** ({len(seeds)} seeds)", "", *_needed(seeds), ""]
    simulated = found["simulated"]
    if simulated:
        lines += [
            "| of 95 % intervals held the truth | prevalence | precision | completeness |",
            "|---|--:|--:|--:|",
        ]
        for name in ("coverage", "coverage of what people say"):
            shares = [
                f"{np.mean(values):.1%} ({min(values):.1%}–{max(values):.1%})"
                for quantity in ("prevalence", "precision", "recall")
                if (values := [seed[name][quantity] for seed in simulated])
            ]
            lines.append(f"| {name} | {' | '.join(shares)} |")
    cpu = sum(seed["cpu_s"] for seeds in found.values() for seed in seeds)
    return "\n".join([*lines, "", f"{cpu / 60:.1f} minutes of CPU"])


def _needed(seeds: list[dict[str, Any]]) -> list[str]:
    columns = ("", "labels needed: median (each)", "minutes", "emission in them", "refinements refused",
               "precision", "completeness", "the model alone on other stars")  # fmt: skip
    lines = [f"| {' | '.join(columns)} |", f"|---|{'--:|' * (len(columns) - 1)}"]
    for name in seeds[0]["strategies"]:
        runs = [seed["strategies"][name] for seed in seeds]
        last = [run["curve"][-1] for run in runs]
        needed = [run["labels"] for run in runs]
        each = ", ".join(
            f"> {one['labels']}" if n is None else str(n) for n, one in zip(needed, last, strict=True)
        )
        middle = float(np.median([np.inf if n is None else n for n in needed]))
        words = f"{middle:.0f}" if np.isfinite(middle) else f"> {last[0]['labels']}"
        minutes = f"{middle * SECONDS_PER_LABEL / 60:.0f}" if np.isfinite(middle) else "–"
        share = sum(run["emission"] for run in runs) / max(sum(one["labels"] for one in last), 1)
        ends = " | ".join(f"{np.median([one[q] for one in last]):.3f}" for q in ("precision", "completeness"))
        other = ", ".join(
            f"{np.median([one['other'][q] for one in last]):.2f}" for q in ("precision", "completeness")
        )
        refused = f"{sum(run['refused'] for run in runs)} of {sum(len(run['curve']) - 1 for run in runs)}"
        lines.append(
            f"| {name} | {words} ({each}) | {minutes} | {share:.0%} | {refused} | {ends} | {other} |"
        )
    return lines


@styled
def _figure(found: Results, aims: tuple[float, float]) -> Any:
    kinds = [kind for kind, seeds in found.items() if seeds]
    figure = new_figure(7.2, 2.7 * len(kinds))
    axes = figure.subplots(len(kinds), 2, squeeze=False)
    for row, kind in zip(axes, kinds, strict=True):
        for axis, quantity, aim in zip(row, ("precision", "completeness"), aims, strict=True):
            axis.axhline(aim, color=NEUTRAL, linewidth=0.7, linestyle=":")
            for name, colour in COLOURS.items():
                _curves(
                    axis, [seed["strategies"][name]["curve"] for seed in found[kind]], quantity, name, colour
                )
            axis.set(xlabel="labels", ylabel=quantity, title=TITLES[kind], ylim=(0.0, 1.02))
    axes[0][1].legend(loc="lower right")
    return figure


def _curves(axis: Any, curves: list[list[dict[str, Any]]], quantity: str, name: str, colour: str) -> None:
    """Draw the median over the seeds, and between what bounds they lie; who has reached the aims stays."""
    labels = np.unique([one["labels"] for curve in curves for one in curve])
    values = np.array(
        [
            np.interp(labels, [one["labels"] for one in curve], [one[quantity] for one in curve])
            for curve in curves
        ]
    )
    axis.plot(labels, np.median(values, axis=0), color=colour, label=name)
    axis.fill_between(labels, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)


def draw(found: Results, path: Path, *, aims: tuple[float, float]) -> None:
    """Draw the learning curves."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save(_figure(found, aims), path)
