"""Coverage of the sky as a MOC (IVOA MOC 2.0): in JSON, ASCII and FITS."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

MOC_ORDER: Final = 7
"""HEALPix order of the coverage: 27′ across."""

Cells = Mapping[int, Sequence[int]]
"""Pixels (NESTED) by order: what MOC 2.0, section 4.3.1 writes as JSON."""


def merged(pixels: Sequence[int], *, order: int = MOC_ORDER) -> dict[int, list[int]]:
    """Put four cells of one parent together, order by order: the normal form of a MOC.

    Parameters
    ----------
    pixels
        HEALPix pixels (NESTED) of `order`.
    order
        At most 29.

    >>> merged([0, 1, 2, 3, 9])
    {6: [0], 7: [9]}
    """
    cells: dict[int, list[int]] = {}
    left = np.unique(np.asarray(pixels, dtype=np.int64))
    for each in range(order, -1, -1):
        parents, counts = np.unique(left // 4, return_counts=True)
        whole = parents[counts == 4] if each else parents[:0]
        alone = left[~np.isin(left // 4, whole)]
        if len(alone) or (each == order and not len(left)):
            cells[each] = alone.tolist()
        left = whole
    return dict(sorted(cells.items()))


def moc_ascii(cells: Cells, *, order: int = MOC_ORDER) -> str:
    """Write a MOC as text (MOC 2.0, section 4.3.3); runs of pixels as ranges, the order at the end.

    >>> moc_ascii({6: [0], 7: [9, 10, 11, 40]})
    '6/0 7/9-11 40'
    """
    parts = [f"{each}/{' '.join(_ranges(found))}" for each, found in sorted(cells.items()) if len(found)]
    if not len(cells.get(order, ())):
        parts.append(f"{order}/")
    return " ".join(parts)


def _ranges(pixels: Sequence[int]) -> list[str]:
    ordered = np.unique(np.asarray(pixels, dtype=np.int64))
    runs = np.split(ordered, np.flatnonzero(np.diff(ordered) > 1) + 1)
    return [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]


def moc_fits(cells: Cells, *, order: int = MOC_ORDER) -> bytes:
    """Write a MOC as FITS, numbered by NUNIQ (MOC 2.0, section 4.3.2)."""
    from astropy.io import fits

    numbers = np.sort(
        np.concatenate([4 * 4**each + np.asarray(found, dtype=np.int64) for each, found in cells.items()])
    )
    table = fits.BinTableHDU.from_columns([fits.Column(name="UNIQ", format="1K", array=numbers)])
    table.header.update(
        MOCVERS="2.0", MOCDIM="SPACE", ORDERING="NUNIQ", COORDSYS="C", MOCORD_S=order,
        PIXTYPE="HEALPIX", MOCORDER=order, MOCTOOL="vo-emline",
    )  # fmt: skip
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(buffer)
    return buffer.getvalue()
