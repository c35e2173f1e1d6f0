"""Figures of a run: training curve, confusion matrix, gallery, domain adaptation, evaluation.

Every function takes arrays and gives a matplotlib ``Figure``; :func:`save` writes it.
"""

from vo_emline.plots.adaptation import adaptation
from vo_emline.plots.evaluation import completeness_curves, false_positive_rates, reliability_diagram
from vo_emline.plots.gallery import gallery
from vo_emline.plots.style import LABEL_COLOURS, mark_halpha, new_figure, save, styled
from vo_emline.plots.training import confusion, training_curve

__all__ = [
    "LABEL_COLOURS",
    "adaptation",
    "completeness_curves",
    "confusion",
    "false_positive_rates",
    "gallery",
    "mark_halpha",
    "new_figure",
    "reliability_diagram",
    "save",
    "styled",
    "training_curve",
]
