"""Hα of every candidate as a text of 200 characters, kept with the release for pictures that open no file.

The flux of the window over its pseudo-continuum is written in steps of 1/254 of its range, which no
picture shows: the least and the greatest value (32-bit floats) and a byte for each of the 140 pixels, in
base64. A text goes through every table format and database as it is.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from struct import Struct
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.preprocess.windows import N_PIXELS

BAD: Final = 255
"""The byte of a pixel without flux."""
STEPS: Final = 254
"""The byte of the greatest flux; that of the least is 0."""
_RANGE: Final = Struct("<2f")
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
        steps = np.rint((ratio - low[:, None]) / span[:, None] * STEPS)
    rows["steps"] = np.where(good, np.nan_to_num(steps), BAD).astype(np.uint8)
    texts = [
        b64encode(row.tobytes()).decode() if kept else None for row, kept in zip(rows, some, strict=True)
    ]
    return pa.array(texts, pa.string())


def cutout_steps(text: str) -> tuple[float, float, bytes]:
    """Read a cut-out as it is stored: least and greatest flux, and the step of each pixel between them.

    Raises
    ------
    ValueError
        The text is none of :func:`pack_cutouts`.
    """
    row = b64decode(text, validate=True)
    if len(row) != _ROW.itemsize:
        raise ValueError("a cut-out of another length")
    low, high = _RANGE.unpack_from(row)
    return low, high, row[_RANGE.size :]
