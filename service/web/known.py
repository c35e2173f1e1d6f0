"""What catalogues call the star of a spectrum, and where it stands in the colour–magnitude diagram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from markupsafe import Markup, escape

from service.store import Release
from vo_emline.candidates.columns import EPOCHS, KNOWN, OBJECTS

MAIN_SEQUENCE: Final = (
    (-0.12, -1.2), (-0.03, 0.6), (0.10, 1.5), (0.33, 2.2), (0.54, 3.1), (0.72, 3.9), (0.82, 4.6), (0.98, 5.6),
    (1.25, 6.9), (1.84, 8.2), (2.19, 9.3), (2.80, 11.4), (3.35, 13.7),
)  # fmt: skip
"""Main sequence, to about 0.3 mag, for orientation: BP − RP and absolute G, mag."""

WIDTH: Final = 300
HEIGHT: Final = 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 12, 42
_COLOUR, _MAGNITUDE = (-0.7, 4.0), (-6.0, 15.0)
_MOST: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownStar:
    """What is known of the star of a spectrum."""

    names: Sequence[Mapping[str, Any]]
    """Rows of ``emline.known``, the surest first."""
    not_in: str
    """Catalogues that were asked and do not have it."""
    diagram: Markup | None
    """Drawing; None where colour, magnitude or parallax are missing."""


def known_star(release: Release, candidate_id: str) -> KnownStar | None:
    """Look up what catalogues say of the star of a spectrum; None where the release has no stars.

    Parameters
    ----------
    release
        The release.
    candidate_id
        Identifier of the spectrum.
    """
    if release.table(KNOWN.qualified_name) is None:  # a release of before catalogues were kept
        return None
    epoch = f"JOIN {EPOCHS.qualified_name} e ON e.object_id = t.object_id WHERE e.candidate_id = ?"
    stars = release.rows(
        "SELECT t.not_in, t.phot_g_mean_mag, t.bp_rp, t.parallax "  # noqa: S608 - names of ours
        f"FROM {OBJECTS.qualified_name} t {epoch}",
        [candidate_id],
    )
    names = release.rows(
        "SELECT t.catalogue, t.identifier, t.object_type, t.match_kind, t.separation "  # noqa: S608
        f"FROM {KNOWN.qualified_name} t {epoch} ORDER BY t.separation LIMIT {_MOST}",
        [candidate_id],
    )
    if not stars:
        return None
    star = stars[0]
    order = ("designation", "position", "possible")
    return KnownStar(
        names=sorted(names, key=lambda row: order.index(row["match_kind"])),
        not_in=star["not_in"] or "",
        diagram=diagram(star["bp_rp"], star["phot_g_mean_mag"], star["parallax"]),
    )


def diagram(colour: float | None, magnitude: float | None, parallax: float | None) -> Markup | None:
    """Draw a star in the colour–magnitude diagram.

    Parameters
    ----------
    colour
        BP − RP, mag.
    magnitude
        Apparent G, mag.
    parallax
        mas; none that is not positive tells a distance.
    """
    if colour is None or magnitude is None or parallax is None or not parallax > 0:
        return None
    absolute = magnitude + 5 * float(np.log10(parallax)) - 10
    x, y = (
        _across(min(max(colour, _COLOUR[0]), _COLOUR[1])),
        _up(min(max(absolute, _MAGNITUDE[0]), _MAGNITUDE[1])),
    )
    sequence = "L".join(f"{_across(one):.1f} {_up(other):.1f}" for one, other in MAIN_SEQUENCE)
    said = f"BP − RP {colour:.2f}, absolute G {absolute:.2f}"
    return Markup(  # noqa: S704 - numbers and texts of ours
        f'<svg class="diagram" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="Colour–magnitude diagram: {escape(said)}">'
        f'<rect class="frame" x="{_LEFT}" y="{_TOP}" width="{WIDTH - _LEFT - _RIGHT}" '
        f'height="{HEIGHT - _TOP - _BOTTOM}"/>{_ticks()}<path class="sequence" d="M{sequence}"/>'
        f'<circle class="star" cx="{x:.1f}" cy="{y:.1f}" r="5"><title>{escape(said)}</title></circle>'
        f'<text x="{(_LEFT + WIDTH - _RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">BP − RP (mag)</text>'
        f'<text x="12" y="{(_TOP + HEIGHT - _BOTTOM) / 2}" text-anchor="middle" '
        f'transform="rotate(-90 12 {(_TOP + HEIGHT - _BOTTOM) / 2})">absolute G (mag)</text></svg>'
    )


def _across(colour: float) -> float:
    low, high = _COLOUR
    return _LEFT + (colour - low) / (high - low) * (WIDTH - _LEFT - _RIGHT)


def _up(magnitude: float) -> float:
    low, high = _MAGNITUDE
    return _TOP + (magnitude - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM)


def _ticks() -> str:
    across = "".join(
        f'<text x="{_across(value):.1f}" y="{HEIGHT - _BOTTOM + 16}" text-anchor="middle">{value}</text>'
        for value in range(5)
    )
    return across + "".join(
        f'<text x="{_LEFT - 6}" y="{_up(value) + 4:.1f}" text-anchor="end">{value}</text>'
        for value in range(-5, 16, 5)
    )
