"""Figures of a run: training curve, confusion matrix, gallery, domain adaptation, evaluation.

Every function takes arrays and gives a matplotlib ``Figure``; :func:`save` writes it.
"""

from vo_emline.plots.adaptation import adaptation
from vo_emline.plots.evaluation import completeness_curves, false_positive_rates, reliability_diagram
from vo_emline.plots.expected import expected_absorption
from vo_emline.plots.gallery import gallery
from vo_emline.plots.lines import line_scatter, pit_histograms
from vo_emline.plots.style import LABEL_COLOURS, mark_halpha, new_figure, save, styled
from vo_emline.plots.training import confusion, training_curve

__all__ = [
    "LABEL_COLOURS",
    "adaptation",
    "completeness_curves",
    "confusion",
    "expected_absorption",
    "false_positive_rates",
    "gallery",
    "line_scatter",
    "mark_halpha",
    "new_figure",
    "pit_histograms",
    "reliability_diagram",
    "save",
    "styled",
    "training_curve",
]
