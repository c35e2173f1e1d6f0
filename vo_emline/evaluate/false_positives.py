"""False positives: what a classifier makes of real spectra that have no emission."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from vo_emline.evaluate.bins import by_name, in_bins
from vo_emline.evaluate.verdicts import Verdicts, outcome, rules
from vo_emline.preprocess.windows import WindowSet
from vo_emline.survey.flags import signal_to_noise

SNR_EDGES: Final = (5.0, 10.0, 20.0, 40.0, 80.0)
"""Edges of the bins of S/N per pixel in r."""

_TYPE = re.compile(r"^(?:sd|[dgu])?([OBAFGKM])(?=\d|$)")


def spectral_types(windows: WindowSet) -> list[str]:
    """Give the letter of each spectral type; galaxies and quasars by their class, the rest as ``other``."""
    pairs = zip(
        windows.identity["spectral_class"].to_pylist(),
        windows.identity["spectral_subclass"].to_pylist(),
        strict=True,
    )
    return [_type_of(kind or "", subclass or "") for kind, subclass in pairs]


def _type_of(kind: str, subclass: str) -> str:
    if kind in {"GALAXY", "QSO"}:
        return kind.lower()
    found = _TYPE.match(subclass)
    return found.group(1) if found else "other"


def false_positives(
    verdicts: Verdicts, negatives: WindowSet, *, thresholds: Mapping[str, float | None] | None = None
) -> dict[str, Any]:
    """Measure how many of real negatives are called positive.

    Parameters
    ----------
    verdicts
        On the negatives.
    negatives
        Windows of real spectra without emission.
    thresholds
        Threshold of each rule, None for the plain label; by default those that
        :func:`~vo_emline.evaluate.verdicts.rules` finds on these very spectra.

    Returns
    -------
    dict
        JSON-ready, by the name of the rule:
        ``threshold``; the keys of :func:`~vo_emline.evaluate.verdicts.outcome`;
        ``by_snr`` and ``by_type``, shares of those called positive without
        abstention, with exact binomial intervals (Clopper & Pearson 1934).
        Spectra without a stated or measurable S/N are in no bin of it.
    """
    snr, kinds = signal_to_noise(negatives), spectral_types(negatives)
    found = {}
    for name, threshold in (rules(verdicts) if thresholds is None else thresholds).items():
        certain = verdicts.positive(threshold) & ~verdicts.uncertain
        found[name] = {
            "threshold": threshold,
            **outcome(verdicts, threshold),
            "by_snr": in_bins(snr, certain, edges=SNR_EDGES),
            "by_type": by_name(kinds, certain),
        }
    return found


def describe(windows: WindowSet) -> dict[str, Any]:
    """Say what spectra these are: how many, of which releases and types, and their S/N."""
    snr = signal_to_noise(windows)
    known = snr[np.isfinite(snr)]
    return {
        "spectra": len(windows),
        "releases": dict(Counter(windows.identity["release"].to_pylist()).most_common()),
        "types": dict(sorted(Counter(spectral_types(windows)).items())),
        "snr_quartiles": np.quantile(known, [0.25, 0.5, 0.75]).round(1).tolist() if known.size else [],
    }


def exceptions(verdicts: Verdicts, windows: WindowSet) -> list[dict[str, Any]]:
    """List the spectra called positive by the plain label, highest score first; files by their names."""
    snr = signal_to_noise(windows)
    rows = np.flatnonzero(verdicts.positive())
    return [
        {
            "row": row,
            "source": Path(windows.identity["source"][row].as_py()).name,
            "score": float(verdicts.score[row]),
            "uncertain": bool(verdicts.uncertain[row]),
            "double": bool(verdicts.double[row]),
            "snr": float(snr[row]) if np.isfinite(snr[row]) else None,
            "subclass": windows.identity["spectral_subclass"][row].as_py(),
        }
        for row in rows[np.argsort(-verdicts.score[rows], kind="stable")].tolist()
    ]
