"""The three classes at Hα and the codes the Ondřejov labels use for them."""

from __future__ import annotations

from typing import Final

LABELS: Final = ("absorption", "emission", "double-peak")
"""Class names in the order of the network's outputs (softmax index 0, 1, 2)."""

ABSORPTION, EMISSION, DOUBLE_PEAK = range(len(LABELS))

PROBABILITY_COLUMNS: Final = ("p_absorption", "p_emission", "p_double_peak")
"""Column names of the class probabilities, in the order of :data:`LABELS`."""

ONDREJOV_CODES: Final = {0: "emission", 1: "absorption", 2: "unknown", 3: "double-peak"}
"""Integer codes of the published Ondřejov labels (Podsztavek 2017, thesis, ``ondrejov-dataset.csv``)."""
