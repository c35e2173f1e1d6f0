"""Hα of candidates as small drawings, from what is stored with the release: no file is opened.

A page may have two hundred of them, so a drawing is put together of texts that are there already: one for
each step that each pixel can have. What differs between drawings, where flux is on the page, is a
transformation of the path.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from operator import getitem
from typing import Final

from markupsafe import Markup

from service.store import Release
from vo_emline.candidates.cutouts import BAD, STEPS, cutout_steps
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
    size = LARGE if large else SMALL
    return {name: draw_cutout(text, size=size) for name, text in found.items()}


def draw_cutout(text: str, *, size: tuple[int, int] = SMALL) -> Markup:
    """Draw flux over continuum around Hα.

    Parameters
    ----------
    text
        The cut-out as it is stored (:mod:`vo_emline.candidates.cutouts`).
    size
        Width and height.

    Returns
    -------
    Markup
        An ``svg`` element: the flux, the continuum as a level line, Hα at rest as a dashed one.

    Raises
    ------
    ValueError
        The text is no cut-out.
    """
    width, height = size
    low, high, steps = cutout_steps(text)
    bottom, top = _limits(low, high)
    scale = (height - 2 * _PAD) / (top - bottom)
    level = _PAD + (top - 1.0) * scale
    x = width / (GRID[-1] - GRID[0])
    return Markup(  # noqa: S704 - numbers of ours
        f'<svg class="cutout" viewBox="0 0 {width} {height}" aria-hidden="true" preserveAspectRatio="none">'
        f'<path class="axis" vector-effect="non-scaling-stroke" d="M0 {level:.1f}H{width}"/>'
        f'<path class="halpha" vector-effect="non-scaling-stroke" '
        f'd="M{(HALPHA_VAC - GRID[0]) * x:.1f} 0V{height}"/>'
        f'<path class="flux" vector-effect="non-scaling-stroke" transform="matrix({width / _ACROSS:.4f} 0 0 '
        f'{-(high - low) / STEPS * scale:.5f} 0 {_PAD + (top - low) * scale:.2f})" d="{_path(steps)}"/></svg>'
    )


def _limits(low: float, high: float) -> tuple[float, float]:
    """Give the least and greatest flux that is drawn; the continuum is always among it."""
    low, high = min(low, 1.0), max(high, 1.0)
    missing = LEAST_SPAN - (high - low)
    return (low - missing / 2, high + missing / 2) if missing > 0 else (low, high)


_ACROSS: Final = 1000
"""Width of a path before it is transformed: whole numbers are fine enough, and short."""


@cache
def _points() -> list[list[str]]:
    """Give the text of each step of each pixel: its place across, and the step as its height."""
    across = (GRID - GRID[0]) / (GRID[-1] - GRID[0]) * _ACROSS
    return [[f"{x} {step}" for step in range(STEPS + 1)] for x in across.round().astype(int).tolist()]


def _path(steps: bytes) -> str:
    """Give the path through the good pixels, broken where some are bad."""
    if BAD not in steps:
        return "M" + " ".join(map(getitem, _points(), steps))
    parts, pen = [], "M"
    for texts, step in zip(_points(), steps, strict=True):
        if step == BAD:
            pen = "M"
        else:
            parts.append(pen + texts[step])
            pen = "L"
    return "".join(parts)
