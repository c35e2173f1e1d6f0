"""The report of an evaluation: figures against aims, JSON, drawings, one page and a model card."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vo_emline import plots
from vo_emline.evaluate.trial import NETWORK, Evaluation
from vo_emline.evaluate.verdicts import PLAIN, STRICT
from vo_emline.files import write_json, write_text
from vo_emline.labels import DOUBLE_PEAK, EMISSION, LABELS
from vo_emline.simulate.injection import KINDS

if TYPE_CHECKING:
    from jinja2 import Environment
    from matplotlib.figure import Figure


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


JSON_NAME: Final = "evaluation.json"
PAGE: Final = "report.html"
CARD: Final = "model-card.md"

MOST_EXCEPTIONS: Final = 24
"""Negatives called positive that are drawn; the table lists all."""

EXAMPLES_PER_KIND: Final = 4


def write_report(evaluation: Evaluation, output: Path, *, command: str = "") -> Path:
    """Write ``evaluation.json``, ``figures/``, ``report.html`` and ``model-card.md``; give the page's path.

    Parameters
    ----------
    evaluation
        What :func:`~vo_emline.runs.evaluation.evaluate_run` gave.
    output
        Folder, made where it is not there.
    command
        The command that repeats it, to be told in the report.
    """
    data = {**evaluation.data, "command": command}
    write_json(output / JSON_NAME, data)
    pictures = {}
    for name, (figure, caption) in draw(evaluation).items():
        path = output / "figures" / f"{name}.png"
        plots.save(figure, path)
        content = base64.b64encode(path.read_bytes()).decode()
        pictures[name] = {"caption": caption, "url": f"data:image/png;base64,{content}"}
    facts = {"data": data, "network": data["judges"][NETWORK], "plain": PLAIN, "strict": STRICT}
    templates = _environment()
    page = templates.get_template("evaluation.html").render(**facts, pictures=pictures)
    write_text(output / PAGE, page)
    write_text(output / CARD, templates.get_template("model-card.md").render(**facts))
    return output / PAGE


def draw(evaluation: Evaluation) -> dict[str, tuple[Figure, str]]:
    """Draw the figures of an evaluation: by name, each with its caption."""
    judges: Mapping[str, Any] = evaluation.data["judges"]
    calibrated = {name: one["reliability"] for name, one in judges.items()}
    false = {name: one["false_positives"] for name, one in judges.items()}
    figures = {
        "false-positives": (
            plots.false_positive_rates(false, rule=PLAIN),
            "Real negatives called positive by the plain label, not uncertain; below each bin its spectra.",
        ),
        "completeness": (
            plots.completeness_curves(
                {name: one["completeness"] for name, one in judges.items()},
                title="threshold: at most 0.5 %\nof real negatives positive",
            ),
            "Injected emission that is recovered, abstentions or not.",
        ),
        "reliability": (
            plots.reliability_diagram(calibrated),
            "Probability of emission and its frequency at a stated prevalence; injections over 5 σ(EW).",
        ),
        "injections": (_examples(evaluation), "Some injections with their |EW|/σ(EW) and the host's S/N."),
    }
    figures |= _expected(evaluation.data["expected"]) | _lines(evaluation.data["lines"])
    if judges[NETWORK]["exceptions"]:
        caption = "Real negatives that the network calls positive by the plain label, surest first."
        figures["exceptions"] = (_exceptions(evaluation, judges[NETWORK]["exceptions"]), caption)
    return figures


def _expected(found: Mapping[str, Any] | None) -> dict[str, tuple[Figure, str]]:
    """Draw what Hα should be and what it is, where the model knows."""
    if found is None:
        return {}
    figure = plots.expected_absorption(found["groups"], half_width=found["half_width"])
    caption = (
        f"What Hα should be, from the rest of the spectrum ({found['known']:.0%} of the negatives), and what "
        "it is; right: how far they lie apart, beside a normal distribution."
    )
    return {"expected": (figure, caption)}


def _lines(found: Mapping[str, Any] | None) -> dict[str, tuple[Figure, str]]:
    """Draw how well lines are measured, for each kind of them."""
    figures = {}
    for number, (kind, quality) in enumerate((found or {"trials": {}})["trials"].items()):
        figures[f"line-pit-{number}"] = (
            plots.pit_histograms(quality),
            f"PIT, lines {kind}: flat where errors are right, hollow where they are too large.",
        )
        figures[f"line-scatter-{number}"] = (
            plots.line_scatter(quality),
            f"Scatter about the truth and median stated error, lines {kind}.",
        )
    return figures


def _examples(evaluation: Evaluation) -> Figure:
    """Draw the first clearly visible injections of each kind."""
    injections = evaluation.trial.injections
    truth = injections.truth.select(["family", "label", "ew_significance", "snr"]).to_pylist()
    rows = [
        row
        for kind in KINDS
        for row in [i for i, one in enumerate(truth) if one["family"] == kind and one["ew_significance"] > 8][
            :EXAMPLES_PER_KIND
        ]
    ]
    return plots.gallery(
        injections.windows.flux[rows],
        [truth[row]["label"] for row in rows],
        titles=[
            f"{truth[row]['family']}, {truth[row]['ew_significance']:.0f} σ, S/N {truth[row]['snr']:.0f}"
            for row in rows
        ],
    )


def _exceptions(evaluation: Evaluation, listed: Sequence[Mapping[str, Any]]) -> Figure:
    shown = listed[:MOST_EXCEPTIONS]
    return plots.gallery(
        evaluation.trial.negatives.flux[np.array([one["row"] for one in shown])],
        [LABELS[DOUBLE_PEAK if one["double"] else EMISSION] for one in shown],
        titles=[f"{Path(one['source']).stem}\nscore {one['score']:.2f}  {one['subclass']}" for one in shown],
    )


def headline_text(headline: Sequence[Mapping[str, Any]]) -> str:
    """Tell the headline figures of all judges as a table in plain text."""
    names = list(headline[0]["judges"])
    lines = [f"{'':74}{'aim':>9}" + "".join(f"{name:>21}" for name in names)]
    for row in headline:
        cells = "".join(f"{_cell(row['judges'][name], row['percent']):>21}" for name in names)
        lines.append(f"{row['text']:<74}{aim(row):>9}{cells}")
    return "\n".join(lines)


def _cell(found: Mapping[str, Any] | None, percent: bool) -> str:
    return "–" if found is None else f"{number(found['value'], percent)}{'' if found['met'] else ' *'}"


def number(value: float | None, percent: bool = True) -> str:
    """Write a share in percent, or a figure of three digits.

    >>> number(0.0123), number(0.0123, False), number(None)
    ('1.2 %', '0.012', '–')
    """
    if value is None:
        return "–"
    return f"{100 * value:.1f} %" if percent else f"{value:.3f}"


def figure(found: Mapping[str, Any], percent: bool = True) -> str:
    """Write a headline figure with its interval.

    >>> figure({"value": 0.0123, "interval": [0.01, 0.02]}, False)
    '0.012 (0.010–0.020)'
    """
    if percent:
        return share(found)
    low, high = found["interval"]
    return f"{number(found['value'], False)} ({low:.3f}–{high:.3f})"


def aim(row: Mapping[str, Any]) -> str:
    """Write the aim of a headline figure."""
    return f"{'≥' if row['at_least'] else '≤'} {number(row['aim'], row['percent'])}"


def share(found: Mapping[str, Any] | None) -> str:
    """Write a proportion with its interval and counts.

    >>> share({"value": 0.5, "interval": [0.25, 0.75], "count": 5, "of": 10})
    '50.0 % (25.0–75.0 %; 5 of 10)'
    """
    if found is None or found["value"] is None:
        return "–"
    low, high = (f"{100 * end:.1f}" for end in found["interval"])
    counts = f"; {found['count']} of {found['of']}" if "of" in found else ""
    return f"{number(found['value'])} ({low}–{high} %{counts})"


def blindness(seen: int, *, known: bool) -> str:
    """Say whether what is measured on some spectra is blind.

    Parameters
    ----------
    seen
        How many of them are of stars that the model is known to have learnt from.
    known
        Whether its training set is at hand, without which others may be.
    """
    if seen:
        return f"Not blind: {seen} of these spectra are of stars that the model has learnt from."
    if not known:
        return "What the model has learnt from is not all at hand: whether this is blind is not known."
    return "Blind: the model has learnt from none of these spectra."


def _environment() -> Environment:
    """Give the templates; what is inserted into HTML is escaped, into Markdown not."""
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("vo_emline.runs", "templates"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number,
        share=share,
        figure=figure,
        aim=aim,
        blindness=blindness,
        stem=lambda path: Path(path).stem,
    )
    environment.globals["labels"] = LABELS
    return environment
