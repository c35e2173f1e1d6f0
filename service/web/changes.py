"""How the line of a star changed: a quantity of its spectra against time, with errors, as a small drawing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup, escape

from service.web.company import CHANGING, Epoch, date_of
from service.web.written import with_error

WIDTH: Final = 480
HEIGHT: Final = 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 16.0, 14.0, 34.0

Point = tuple[float, float, float]
"""MJD, value, and its standard deviation, 0 where unknown."""


def changes(epochs: Sequence[Epoch]) -> list[Markup]:
    """Draw each quantity that was measured at two times at least."""
    drawings = []
    for name, title in CHANGING.items():
        points = [
            (epoch.mjd, *epoch.measured[name])
            for epoch in epochs
            if epoch.mjd is not None and name in epoch.measured
        ]
        if len({round(mjd) for mjd, *_ in points}) > 1:
            drawings.append(draw_changes(points, title))
    return drawings


def draw_changes(points: Sequence[Point], title: str) -> Markup:
    """Draw values against time.

    Parameters
    ----------
    points
        Two at least, at different times.
    title
        What the values are, with their unit.

    Returns
    -------
    Markup
        An ``svg`` element: points with bars of one standard deviation, first and last date below, the least
        and the greatest value beside.
    """
    first, last = min(mjd for mjd, *_ in points), max(mjd for mjd, *_ in points)
    low = min(value - error for _, value, error in points)
    high = max(value + error for _, value, error in points)
    span = (high - low) or 1.0

    def across(mjd: float) -> float:
        return _LEFT + 8 + (mjd - first) / (last - first) * (WIDTH - _LEFT - _RIGHT - 16)

    def down(value: float) -> float:
        return _TOP + (high - value) / span * (HEIGHT - _TOP - _BOTTOM)

    drawn = "".join(
        f'<path class="bar" d="M{across(mjd):.1f} {down(value - error):.1f}V{down(value + error):.1f}"/>'
        f'<circle cx="{across(mjd):.1f}" cy="{down(value):.1f}" r="4">'
        f"<title>{date_of(mjd)}: {with_error(value, error or None)}</title></circle>"
        for mjd, value, error in points
    )
    texts = [
        (_LEFT - 6, _TOP + 6, "end", f"{high:.3g}".replace("-", "−")),
        (_LEFT - 6, HEIGHT - _BOTTOM + 2, "end", f"{low:.3g}".replace("-", "−")),
        (_LEFT, HEIGHT - 16.0, "start", date_of(first)),
        (WIDTH - _RIGHT, HEIGHT - 16.0, "end", date_of(last)),
        (WIDTH / 2, HEIGHT - 2.0, "middle", title),
    ]
    written = "".join(
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'
        for x, y, anchor, text in texts
    )
    frame = f'<path class="grid" d="M{_LEFT:.0f} {_TOP:.0f}V{HEIGHT - _BOTTOM:.0f}H{WIDTH - _RIGHT:.0f}"/>'
    return Markup(  # noqa: S704 - numbers of ours and texts that are escaped
        f'<svg class="changes" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)} against time">{frame}{drawn}{written}</svg>'
    )
