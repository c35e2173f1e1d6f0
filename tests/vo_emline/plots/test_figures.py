from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import image, rcParams

from vo_emline import plots
from vo_emline.preprocess import GRID, Step


def test_confusion_shows_counts_and_shares(tmp_path: Path) -> None:
    figure = plots.confusion([[8, 2, 0], [0, 5, 0], [1, 0, 3]], title="20 spectra")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts[:2] == ["8\n80.0%", "2\n20.0%"]
    plots.save(figure, tmp_path / "c.png")
    assert image.imread(tmp_path / "c.png").shape[2] == 4


def test_training_curve_marks_the_epoch_kept() -> None:
    figure = plots.training_curve([1.0, 0.5, 0.4], [0.9, 0.6, 0.7], best=1)
    assert [text.get_text() for text in figure.axes[0].texts] == ["kept: epoch 2"]


def test_gallery_has_a_panel_per_window_with_halpha_marked() -> None:
    flux = np.tile(np.exp(-((GRID - 6564.6) ** 2) / 50), (5, 1))
    figure = plots.gallery(flux, ["emission"] * 5, titles=list("abcde"))
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in shown] == list("abcde")
    marked = {round(float(axes.lines[1].get_xdata()[0]), 2) for axes in shown}
    assert marked == {6564.61}


def test_adaptation_shows_every_step_and_its_residual() -> None:
    window = np.linspace(0.9, 1.1, GRID.size)
    steps = [
        Step(name="as delivered", source=window + 0.1, target=window),
        Step(name="scaled", source=window, target=window),
    ]
    figure = plots.adaptation([("HR 3135", steps)])
    assert figure.axes[1].get_title(loc="left") == "scaled\nresidual 0.00 σ"


def test_drawing_leaves_the_settings_of_matplotlib_alone() -> None:
    before = dict(rcParams)
    plots.training_curve([1.0], [1.0], best=0)
    assert dict(rcParams) == before
