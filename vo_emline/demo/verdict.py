"""Whether the chain found what was put into the simulated survey."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.candidates.rows import stem
from vo_emline.labels import LABELS
from vo_emline.training.metrics import proportion

STRONG_EW: Final = -3.0
"""Equivalent width beyond which emission is strong, Å (emission is negative)."""

STRONG_SNR: Final = 20.0
"""Signal-to-noise ratio per pixel from which a strong emitter must be found."""

LEAST_RECOVERED: Final = 0.90
MOST_FALSE: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found of what is there."""

    recovered: dict[str, Any]
    """Strong emitters that were called emission or double-peak."""
    false_positives: dict[str, Any]
    """Spectra without emission that were called positive."""
    confusion: npt.NDArray[np.int64]
    """True (rows) against predicted classes (columns) over the survey, shape (3, 3)."""

    @property
    def passed(self) -> bool:
        """Whether enough was recovered and little enough invented."""
        return bool(
            self.recovered["of"]
            and self.recovered["value"] >= LEAST_RECOVERED
            and self.false_positives["of"]
            and self.false_positives["value"] <= MOST_FALSE
        )


def judge(scores: pa.Table, truth: pa.Table) -> Verdict:
    """Compare the scores of a survey with what was simulated.

    A strong emitter that was rejected or never classified counts as missed.

    Parameters
    ----------
    scores
        One row per classified spectrum: ``source``, ``label``.
    truth
        One row per simulated spectrum: ``file``, ``label``, ``ew`` (Å), ``snr``.
    """
    found = {
        stem(source): label
        for source, label in zip(scores["source"].to_pylist(), scores["label"].to_pylist(), strict=True)
    }
    predicted = np.array([found.get(stem(name), "") for name in truth["file"].to_pylist()])
    true = np.array(truth["label"].to_pylist())
    positive = (predicted != "") & (predicted != LABELS[0])
    strong = (
        (true != LABELS[0]) & (truth["ew"].to_numpy() <= STRONG_EW) & (truth["snr"].to_numpy() > STRONG_SNR)
    )
    negative = (true == LABELS[0]) & (predicted != "")
    confusion = [[int(((true == t) & (predicted == p)).sum()) for p in LABELS] for t in LABELS]
    return Verdict(
        recovered=proportion(int((positive & strong).sum()), int(strong.sum())),
        false_positives=proportion(int((positive & negative).sum()), int(negative.sum())),
        confusion=np.array(confusion, dtype=np.int64),
    )
