from __future__ import annotations

import numpy as np
import pytest

from vo_emline import plots
from vo_emline.evaluate.lines import LineTrial, line_quality
from vo_emline.measure.quantities import Estimates
from vo_emline.simulate import simulate_windows


@pytest.fixture
def quality():
    """Honest errors of one method, those of the other half as large as they should be."""
    random = np.random.default_rng(4)
    windows = simulate_windows(1, seed=1).prepare().take(np.zeros(4000, dtype=int))
    truth, value = np.zeros((4000, 5)), random.normal(size=(4000, 5))
    trial = LineTrial(windows=windows, truth=truth, snr=random.uniform(5, 150, 4000))
    honest, bold = (Estimates(value=value, error=np.full((4000, 5), error)) for error in (1.0, 0.5))
    return line_quality(trial, {"network": honest, "classical": bold})


def test_histograms_of_honest_errors_lie_in_the_band(quality):
    panel = plots.pit_histograms(quality).axes[0]
    honest, bold = (patch.get_data().values for patch in panel.patches[:2])
    band = panel.patches[2].get_extents().transformed(panel.transData.inverted())
    assert np.mean((honest > band.y0) & (honest < band.y1)) > 0.7
    assert bold[0] > 2 * band.y1


def test_scatter_and_error_are_drawn_for_every_bin(quality):
    figure = plots.line_scatter(quality)
    assert len(figure.axes) == 5
    lines, points = figure.axes[0].lines[:2]
    assert len(lines.get_ydata()) == len(points.get_ydata()) == 5
    np.testing.assert_allclose(points.get_ydata(), 1.0, atol=0.2)


def test_nothing_measured_gives_empty_panels(quality):
    for quantity in quality["quantities"].values():
        quantity.update(methods={}, by_snr=[])
    assert len(plots.pit_histograms(quality).axes) == 5
    assert len(plots.line_scatter(quality).axes) == 5
