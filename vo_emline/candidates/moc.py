"""Coverage of the sky as a MOC (IVOA MOC 2.0): in JSON, ASCII and FITS."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from vo_emline.candidates.columns import HPX_ORDER, MOC_ORDER
from vo_emline.candidates.database import literal
from vo_emline.labels import LABELS

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


MAX_ORDER: Final = 29
"""Finest order of a MOC."""
MAX_CELLS: Final = 50_000
"""Most cells of a MOC that is read from text."""

_PART: Final = re.compile(r"(?:(\d{1,2})/)?(?:(\d{1,20})(?:-(\d{1,20}))?)?")
_SKY: Final = 41252.96124941928
"""Square degrees of the whole sky."""


def parse_moc(text: str) -> dict[int, list[int]]:
    """Read a MOC in ASCII (MOC 2.0, section 4.3.3); give its cells in normal form.

    Raises
    ------
    ValueError
        It is none, or has more than :data:`MAX_CELLS` cells.

    >>> parse_moc("6/0-1 7/8-11 40")
    {6: [0, 1, 2], 7: [40]}
    """
    order, ranges = -1, []
    for word in text.replace(",", " ").split():
        found = _PART.fullmatch(word)
        if found is None:
            raise ValueError(f"{word[:40]!r} is no part of a MOC")
        named, low, high = found.groups()
        order = order if named is None else int(named)
        if not 0 <= order <= MAX_ORDER:
            raise ValueError(f"{word[:40]!r} has no order from 0 to {MAX_ORDER} before it")
        if low is None:
            continue
        first, last = int(low), int(high or low)
        if not first <= last < 12 * 4**order:
            raise ValueError(f"{word[:40]!r} are no cells of order {order}")
        shift = 2 * (MAX_ORDER - order)
        ranges.append((first << shift, (last + 1) << shift))
    if order < 0:
        raise ValueError("there is no MOC")
    return _cells(sorted(ranges), order)


def _cells(ranges: Sequence[tuple[int, int]], order: int) -> dict[int, list[int]]:
    """Divide ranges of pixels of the finest order (first, end; ascending) into the largest cells."""
    found: dict[int, list[int]] = {}
    count, reached = 0, 0
    for first, end in _joined(ranges):
        reached = first
        while reached < end:
            level = MAX_ORDER
            while (
                level
                and reached % 4 ** (MAX_ORDER - level + 1) == 0
                and (reached + 4 ** (MAX_ORDER - level + 1) <= end)
            ):
                level -= 1
            size = 4 ** (MAX_ORDER - level)
            found.setdefault(level, []).append(reached // size)
            reached += size
            count += 1
            if count > MAX_CELLS:
                raise ValueError(f"the MOC has more than {MAX_CELLS} cells; use one of lower order")
    return dict(sorted(found.items())) or {order: []}


def _joined(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, end in ranges:
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((first, end))
    return joined


def moc_area(cells: Cells) -> float:
    """Give the area of a MOC, square degrees."""
    return _SKY * sum(len(found) / (12 * 4.0**order) for order, found in cells.items())


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


def coverage_select(classified: str) -> str:
    """Give SQL for the rows of ``emline.coverage``: the cells of every survey that hold spectra.

    Parameters
    ----------
    classified
        Relation of the scores with the ``collection`` of each.
    """
    pixel = f"hpx10 >> {2 * (HPX_ORDER - MOC_ORDER)}"
    return (
        f"SELECT coalesce(collection, '') AS survey, {MOC_ORDER} AS norder, {pixel} AS npix, "  # noqa: S608
        f"count(*) AS n_spectra, count(*) FILTER (label <> {literal(LABELS[0])}) AS n_candidates, "
        "min(epoch_mjd) AS first_epoch_mjd, max(epoch_mjd) AS last_epoch_mjd "
        f"FROM {classified} WHERE hpx10 IS NOT NULL GROUP BY 1, 3 ORDER BY 1, 3"
    )
