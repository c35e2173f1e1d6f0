"""The figures that decide whether a classifier is useful, each with what it should reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from vo_emline.evaluate.verdicts import PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """One figure and its aim."""

    text: str
    aim: float
    path: tuple[str, ...]
    """Where the figure stands in what is known of a judge."""
    at_least: bool = False
    """Whether larger is better."""
    percent: bool = True

    def met(self, value: float) -> bool:
        """Tell whether a value reaches the aim."""
        return bool(value >= self.aim if self.at_least else value <= self.aim)


AIMS: Final = (
    Aim(
        text="real negatives called positive, plain label, abstentions forced",
        aim=0.005,
        path=("false_positives", PLAIN, "forced_positive"),
    ),
    Aim(
        text="spectra degraded to S/N 3–15 called positive and not uncertain, plain label",
        aim=0.005,
        path=("degraded", PLAIN, "positive"),
    ),
    Aim(text="completeness, lines over 10 σ(EW)", aim=0.92, path=("completeness", "strong"), at_least=True),
    Aim(
        text="… of those that stick out of their surroundings",
        aim=0.995,
        path=("completeness", "strong_sticking_out"),
        at_least=True,
    ),
    Aim(
        text="… of lines at 5–20 σ(EW) that only fill the core",
        aim=0.60,
        path=("completeness", "core_filling"),
        at_least=True,
    ),
    Aim(
        text="resolved doubles called double-peak",
        aim=0.96,
        path=("completeness", "doubles_called_double"),
        at_least=True,
    ),
    Aim(text="singles called double-peak", aim=0.01, path=("completeness", "singles_called_double")),
    Aim(text="ECE at a 50/50 mix", aim=0.02, path=("reliability", "even", "ece"), percent=False),
)
"""The figures. Those of completeness are at the threshold :data:`~vo_emline.evaluate.verdicts.STRICT`."""


def headline(judges: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Tabulate the figures of all judges.

    Parameters
    ----------
    judges
        What :func:`~vo_emline.evaluate.judge_all` gives.

    Returns
    -------
    list of dict
        One for each of :data:`AIMS`: ``text``, ``aim``, ``at_least``,
        ``percent``, and ``judges``: by name ``value``, ``interval``, ``met``
        and for shares ``count`` and ``of``; None where a judge has no such figure.
    """
    return [
        {
            "text": aim.text,
            "aim": aim.aim,
            "at_least": aim.at_least,
            "percent": aim.percent,
            "judges": {name: _figure(aim, known) for name, known in judges.items()},
        }
        for aim in AIMS
    ]


def _figure(aim: Aim, known: Mapping[str, Any]) -> dict[str, Any] | None:
    found: Any = known
    for step in aim.path:
        found = found.get(step) if found is not None else None
    if found is None:
        return None
    value = found["value"]
    return None if value is None else {**found, "met": aim.met(value)}
