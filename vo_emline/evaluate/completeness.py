"""Completeness: how much of what was put in is found again, and in the right class."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa

from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.evaluate.bins import by_name, in_bins
from vo_emline.evaluate.injection import Injections
from vo_emline.evaluate.verdicts import Verdicts, outcome
from vo_emline.labels import DOUBLE_PEAK, EMISSION, LABELS
from vo_emline.training.metrics import proportion

EDGES: Final = {
    "ew_significance": (3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 40.0),
    "ew": (0.3, 0.6, 1.2, 2.5, 5.0, 10.0, 20.0),
    "snr": (5.0, 10.0, 20.0, 40.0, 80.0),
    "separation_kms": (200.0, 300.0, 400.0, 500.0, 600.0),
}
"""Edges of the bins: |EW|/σ(EW), |EW| in Å, S/N per pixel, and separation of the peaks in km/s."""

STRONG: Final = 10.0
"""Lines over this many σ(EW) should not be missed."""

CORE_FILLING: Final = (5.0, 20.0)
"""Range of |EW|/σ(EW) in which lines that only fill the core are looked at."""


def completeness(verdicts: Verdicts, injections: Injections, *, threshold: float | None) -> dict[str, Any]:
    """Measure the recovery of injected emission.

    Parameters
    ----------
    verdicts
        On the injections.
    injections
        What was put in.
    threshold
        Emission is recovered where the score lies above it; None for the plain label.

    Returns
    -------
    dict
        JSON-ready: ``threshold``; ``overall`` as
        :func:`~vo_emline.evaluate.verdicts.outcome`; ``by`` |EW|/σ(EW) and
        |EW|, and for lines over :data:`STRONG` σ(EW) by S/N, separation (of
        doubles) and kind; ``strong``, ``strong_sticking_out``
        and ``core_filling`` lines; ``doubles_called_double`` and
        ``singles_called_double``. Shares are of all, abstentions or not, with
        exact intervals. Doubles and singles are those over :data:`STRONG`
        σ(EW), recovered, whose shape is beyond doubt.
    """
    column = {name: np.array(injections.truth[name]) for name in (*EDGES, "sticks_out", "clear")}
    column["ew"] = np.abs(column["ew"])
    found, label = verdicts.positive(threshold), _labels(injections)
    strong = column["ew_significance"] > STRONG
    filling = (column["ew_significance"] > CORE_FILLING[0]) & (column["ew_significance"] < CORE_FILLING[1])
    shaped = strong & found & column["clear"]
    return {
        "threshold": threshold,
        "overall": outcome(verdicts, threshold),
        "by": _in_all_bins(column, found, strong=strong, double=label == DOUBLE_PEAK)
        | {"kind": by_name(_kinds(injections, strong), found[strong])},
        "strong": _share(found, strong),
        "strong_sticking_out": _share(found, strong & column["sticks_out"]),
        "core_filling": _share(found, filling & ~column["sticks_out"]),
        "doubles_called_double": _share(verdicts.double, shaped & (label == DOUBLE_PEAK)),
        "singles_called_double": _share(verdicts.double, shaped & (label == EMISSION)),
    }


def _in_all_bins(
    column: dict[str, FloatArray], found: BoolArray, *, strong: BoolArray, double: BoolArray
) -> dict[str, list[dict[str, Any]]]:
    among = {"snr": strong, "separation_kms": strong & double}
    binned = {}
    for name, edges in EDGES.items():
        rows = among.get(name, np.ones(len(found), dtype=bool))
        binned[name] = in_bins(column[name][rows], found[rows], edges=edges)
    return binned


def _kinds(injections: Injections, among: BoolArray) -> list[str]:
    kinds: list[str] = injections.truth["family"].filter(pa.array(among)).to_pylist()
    return kinds


def _labels(injections: Injections) -> np.ndarray:
    return np.array([LABELS.index(name) for name in injections.truth["label"].to_pylist()])


def _share(success: BoolArray, among: BoolArray) -> dict[str, Any]:
    return proportion(int(success[among].sum()), int(among.sum()))
