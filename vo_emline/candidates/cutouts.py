"""Hα of every candidate as a text of 200 characters, kept with the release for pictures that open no file.

The flux of the window over its pseudo-continuum is written in steps of 1/254 of its range, which no
picture shows: the least and the greatest value (32-bit floats) and a byte for each of the 140 pixels, in
base64. A text goes through every table format and database as it is.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.preprocess.windows import N_PIXELS

_BAD: Final = 255
_STEPS: Final = 254
_ROW: Final = np.dtype([("range", "<f4", 2), ("steps", "u1", N_PIXELS)])


def pack_cutouts(ratio: npt.NDArray[np.floating]) -> pa.Array:
    """Write cut-outs as texts.

    Parameters
    ----------
    ratio
        Flux over the continuum on the grid of the windows, shape (n, 140); NaN where bad.

    Returns
    -------
    pyarrow.Array
        Text, length n; NULL where no pixel is good.
    """
    rows = np.zeros(len(ratio), dtype=_ROW)
    good = np.isfinite(ratio)
    some = good.any(axis=1)
    low = np.where(good, ratio, np.inf).min(axis=1, initial=np.inf)
    high = np.where(good, ratio, -np.inf).max(axis=1, initial=-np.inf)
    rows["range"] = np.stack([low, high], axis=1)
    span = np.where(high > low, high - low, 1.0)
    with np.errstate(invalid="ignore"):  # rows without a good pixel are left out below
        steps = np.rint((ratio - low[:, None]) / span[:, None] * _STEPS)
    rows["steps"] = np.where(good, np.nan_to_num(steps), _BAD).astype(np.uint8)
    texts = [
        b64encode(row.tobytes()).decode() if kept else None for row, kept in zip(rows, some, strict=True)
    ]
    return pa.array(texts, pa.string())


def unpack_cutouts(texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """Read cut-outs back: flux over the continuum, shape (n, 140), NaN where bad.

    Raises
    ------
    ValueError
        A text is none of :func:`pack_cutouts`.
    """
    rows = np.frombuffer(b"".join(b64decode(text, validate=True) for text in texts), dtype=_ROW)
    if len(rows) != len(texts):
        raise ValueError("cut-outs of another length")
    low, high = (rows["range"][:, column, None].astype(np.float64) for column in (0, 1))
    ratio = low + (high - low) * rows["steps"] / _STEPS
    return np.asarray(np.where(rows["steps"] == _BAD, np.nan, ratio))
