from __future__ import annotations

from typing import Any

import numpy as np

from vo_emline import plots
from vo_emline.plots.evaluation import JUDGE_COLOURS, QUANTITIES
from vo_emline.training.metrics import proportion


def share(count: int, of: int, **ends: Any) -> dict[str, Any]:
    return {**ends, **proportion(count, of)}


def test_false_positives_are_drawn_by_signal_and_type() -> None:
    rule = {
        "by_snr": [share(0, 30, low=None, high=5.0), share(3, 60, low=5.0, high=None)],
        "by_type": {"A": share(1, 40), "K": share(2, 50)},
    }
    figure = plots.false_positive_rates({"network": {"plain": rule}, "other": {}}, rule="plain")
    ticks = [[tick.get_text() for tick in axes.get_xticklabels()] for axes in figure.axes]
    assert ticks == [["<5\n30", "≥5\n60"], ["A\n40", "K\n50"]]
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["network"]
    assert figure.axes[0].get_ylim()[1] < 0.3


def test_completeness_has_a_panel_for_every_quantity() -> None:
    rows = [share(2, 10, low=None, high=3.0), share(9, 10, low=3.0, high=None)]
    by = dict.fromkeys(QUANTITIES, rows) | {"kind": {"disk": share(5, 10)}}
    figure = plots.completeness_curves({"network": {"by": by}}, title="threshold")
    drawn = [axes for axes in figure.axes if axes.axison]
    assert len(drawn) == 5
    np.testing.assert_allclose(drawn[0].containers[0].lines[0].get_ydata(), [0.2, 0.9])


def test_reliability_shows_the_diagonal_and_the_error() -> None:
    found = {
        "prevalence": 0.5,
        "ece": {"value": 0.031, "interval": [0.02, 0.04]},
        "bins": [{"predicted": 0.05, "observed": 0.1, "interval": [0.05, 0.2]}],
    }
    figure = plots.reliability_diagram({"detector": None, "network": {"even": found}})
    axes = figure.axes[0]
    assert axes.containers[0].lines[0].get_color() == JUDGE_COLOURS[1]
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[0, 0], [1, 1]])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["network"]
    assert axes.get_title(loc="left") == "prevalence 50%\nECE 0.031  network"
