"""The card of a refined model: what changed, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vo_emline.labels import LABELS
from vo_emline.training.student import PART as STUDENT


def card(facts: Mapping[str, Any], *, version: str) -> str:
    """Tell what changed as Markdown: the model card of a refined model.

    Parameters
    ----------
    facts
        Those of a :class:`Refinement`.
    version
        Of the refined model.
    """
    lines = [
        f"# Model card: vo-emline {version}",
        "",
        f"Refined from `{facts['base']}` by labels of people: its last layer and its calibration are new"
        + (", and what Hα should be" if facts.get("second_stage") else "")
        + ". Everything below was measured on held-out stars, which the new layer was not fitted on (the "
        "base may have seen them when it was trained). Kinds other than *labelled* are what the base knew.",
        "",
        "| held-out spectra | | cross-entropy, nats | emission found | absorption called positive |",
        "|---|---|--:|--:|--:|",
    ]
    for name, was in facts["before"].items():
        for when, one in (("before", was), ("after", facts["after"][name])):
            shares = [_share(one[figure]) for figure in ("found", "false_positives")]
            lines.append(
                f"| {name} ({one['spectra']}) | {when} | {one['cross_entropy']:.4f} | {' | '.join(shares)} |"
            )
    missing = (
        "" if STUDENT in facts["parts"] else " It has no student: every spectrum goes through the network."
    )
    lines += ["", f"Classes: {', '.join(LABELS)}; parts: {', '.join(facts['parts']) or 'none'}.{missing}"]
    return "\n".join(lines) + "\n"


def _share(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "–"
    return f"{figure['value']:.1%} ({figure['count']} of {figure['of']})"
