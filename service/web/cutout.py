"""Hα of candidates as small drawings, from what is stored with the release: no file is opened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from markupsafe import Markup

from service.store import Release
from vo_emline.arrays import FloatArray
from vo_emline.candidates.cutouts import unpack_cutouts
from vo_emline.preprocess.windows import GRID
from vo_emline.spectra import HALPHA_VAC

SMALL: Final = (220, 76)
LARGE: Final = (220, 110)
"""Width and height of a drawing, in its own units."""

LEAST_SPAN: Final = 0.15
"""The flux axis spans so much of the continuum at least, or noise would look like lines."""

_PAD: Final = 4.0


def cutouts_svg(release: Release, candidate_ids: Sequence[str], *, large: bool = False) -> dict[str, Markup]:
    """Draw the lines of some candidates.

    Parameters
    ----------
    release
        The release that stores them.
    candidate_ids
        Identifiers; those without a stored cut-out are missing from the answer.
    large
        Whether to draw them for a gallery.
    """
    if release.cutouts is None or not candidate_ids:
        return {}
    marks = ", ".join("?" * len(candidate_ids))
    sql = f"SELECT candidate_id, cutout FROM {release.cutouts} WHERE candidate_id IN ({marks})"  # noqa: S608
    found = {row["candidate_id"]: row["cutout"] for row in release.rows(sql, list(candidate_ids))}
    ratios = unpack_cutouts(list(found.values()))
    size = LARGE if large else SMALL
    return {name: draw_cutout(ratio, size=size) for name, ratio in zip(found, ratios, strict=True)}


def draw_cutout(ratio: FloatArray, *, size: tuple[int, int] = SMALL) -> Markup:
    """Draw flux over continuum around Hα.

    Parameters
    ----------
    ratio
        Flux over continuum on the grid of the windows, shape (140,); NaN where bad.
    size
        Width and height.

    Returns
    -------
    Markup
        An ``svg`` element: the flux, the continuum as a level line, Hα at rest as a dashed one.
    """
    width, height = size
    low, high = _limits(ratio)
    x = (GRID - GRID[0]) / (GRID[-1] - GRID[0]) * width
    y = np.clip(_PAD + (high - ratio) / (high - low) * (height - 2 * _PAD), -height, 2 * height)
    level = _PAD + (high - 1.0) / (high - low) * (height - 2 * _PAD)
    halpha = (HALPHA_VAC - GRID[0]) / (GRID[-1] - GRID[0]) * width
    return Markup(  # noqa: S704 - numbers of ours
        f'<svg class="cutout" viewBox="0 0 {width} {height}" aria-hidden="true" preserveAspectRatio="none">'
        f'<path class="axis" vector-effect="non-scaling-stroke" d="M0 {level:.1f}H{width}"/>'
        f'<path class="halpha" vector-effect="non-scaling-stroke" d="M{halpha:.1f} 0V{height}"/>'
        f'<path class="flux" vector-effect="non-scaling-stroke" d="{_path(x, y)}"/></svg>'
    )


def _limits(ratio: FloatArray) -> tuple[float, float]:
    """Give the least and greatest flux that is drawn; the continuum is always among it."""
    good = ratio[np.isfinite(ratio)]
    low, high = min(float(good.min()), 1.0), max(float(good.max()), 1.0)
    missing = LEAST_SPAN - (high - low)
    return (low - missing / 2, high + missing / 2) if missing > 0 else (low, high)


def _path(x: FloatArray, y: FloatArray) -> str:
    """Give the path through the good pixels, broken where some are bad."""
    parts, pen = [], "M"
    for across, down in zip(x.tolist(), y.tolist(), strict=True):
        if down == down:  # a number
            parts.append(f"{pen}{across:.1f} {down:.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(parts)
