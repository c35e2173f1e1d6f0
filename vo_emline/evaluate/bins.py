"""Proportions in bins of a quantity, each with its exact interval."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from vo_emline.training.metrics import proportion


def in_bins(
    values: npt.NDArray[np.floating], success: npt.NDArray[np.bool_], *, edges: Sequence[float]
) -> list[dict[str, Any]]:
    """Give the share of successes in each bin of `values`, bins without any left out.

    Parameters
    ----------
    values
        The quantity, shape (n,); NaN is in no bin.
    success
        Shape (n,).
    edges
        Ascending; the first bin takes in what lies below it, the last what lies above.

    Returns
    -------
    list of dict
        ``low`` and ``high`` (None where open), and the keys of
        :func:`~vo_emline.training.metrics.proportion`.
    """
    limits = [-np.inf, *edges, np.inf]
    rows = []
    for low, high in pairwise(limits):
        inside = (values >= low) & (values < high)
        if inside.any():
            ends = {"low": low if np.isfinite(low) else None, "high": high if np.isfinite(high) else None}
            rows.append({**ends, **proportion(int(success[inside].sum()), int(inside.sum()))})
    return rows


def by_name(names: Sequence[str], success: npt.NDArray[np.bool_]) -> dict[str, dict[str, Any]]:
    """Give the share of successes for each name, in the order of the names."""
    array = np.array(names, dtype=object)
    return {
        name: proportion(int(success[array == name].sum()), int((array == name).sum()))
        for name in sorted(set(names))
    }
