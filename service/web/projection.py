"""The whole sky on a page: Mollweide's projection, cells of HEALPix, graticule and galactic plane.

East is left, as on the sky, and 0 h is in the middle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import Final

import numpy as np

from vo_emline.arrays import FloatArray

WIDTH: Final = 960
HEIGHT: Final = 480
"""Size of a map, in its own units."""

_TO_EQUATORIAL: Final = np.array(
    [
        [-0.0548755604, 0.4941094279, -0.8676661490],
        [-0.8734370902, -0.4448296300, -0.1980763734],
        [-0.4838350155, 0.7469822445, 0.4559837762],
    ]
)
"""From galactic to equatorial directions (Hipparcos catalogue, ESA SP-1200, vol. 1, equation 1.5.11)."""


def mollweide(ra: FloatArray, dec: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Project directions.

    Parameters
    ----------
    ra, dec
        ICRS, deg; right ascensions from −180 to 180 around the middle.

    Returns
    -------
    x, y
        Place on a map of :data:`WIDTH` × :data:`HEIGHT`.
    """
    phi = np.radians(np.clip(dec, -90.0, 90.0))
    theta = phi.copy()
    goal = np.pi * np.sin(phi)
    for _ in range(30):  # Newton's method; slow at the poles, where the next line is exact
        slope = 2 + 2 * np.cos(2 * theta)
        theta -= (2 * theta + np.sin(2 * theta) - goal) / np.where(slope > 1e-9, slope, 1e-9)
        theta = np.clip(theta, -np.pi / 2, np.pi / 2)
    theta = np.where(np.abs(phi) > np.pi / 2 - 1e-9, np.sign(phi) * np.pi / 2, theta)
    x = WIDTH / 2 * (1 - ra / 180.0 * np.cos(theta))
    return x, HEIGHT / 2 * (1 - np.sin(theta))


@cache
def outlines(order: int) -> list[str]:
    """Give the outlines of all HEALPix cells of an order (NESTED) as paths of SVG; made once."""
    return cell_paths(order, range(12 * 4**order))


def cell_paths(order: int, pixels: Sequence[int]) -> list[str]:
    """Give the outlines of HEALPix cells (NESTED) as paths of SVG."""
    from astropy import units as u
    from cdshealpix.nested import healpix_to_lonlat, vertices

    ipix = np.asarray(pixels, dtype=np.uint64)
    lon, lat = vertices(ipix, np.uint8(order), step=2)
    centre = healpix_to_lonlat(ipix, np.uint8(order))[0].to_value(u.deg)[:, None]
    middle = (centre + 180) % 360 - 180
    ra = middle + (lon.to_value(u.deg) - centre + 180) % 360 - 180
    x, y = mollweide(np.clip(ra, -180, 180), lat.to_value(u.deg))
    return [
        "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(xs, ys, strict=True)) + "Z"
        for xs, ys in zip(x.tolist(), y.tolist(), strict=True)
    ]


@cache
def graticule() -> str:
    """Give parallels and meridians, every 30°, as one path of SVG."""
    dec = np.linspace(-90, 90, 61)
    ra = np.linspace(-180, 180, 2)
    lines = [mollweide(np.full_like(dec, at), dec) for at in range(-150, 180, 30)]
    lines += [mollweide(ra, np.full_like(ra, float(at))) for at in range(-60, 90, 30)]
    return "".join(_polyline(*line) for line in lines)


@cache
def galactic_plane() -> str:
    """Give the galactic plane as a path of SVG, broken where it leaves the map on one side."""
    longitude = np.radians(np.linspace(0, 360, 361))
    plane = _TO_EQUATORIAL @ np.stack([np.cos(longitude), np.sin(longitude), np.zeros_like(longitude)])
    ra, dec = np.degrees(np.arctan2(plane[1], plane[0])), np.degrees(np.arcsin(plane[2]))
    x, y = mollweide(ra, dec)
    return "".join(_polyline(x[part], y[part]) for part in _pieces(ra))


def labels() -> list[tuple[float, float, str]]:
    """Give the texts of the map: place and hours, place and degrees."""
    hours = [(float(at), 0.0, f"{(at // 15) % 24}h") for at in range(-150, 180, 60)]
    degrees = [(0.0, float(at), f"{at:+d}°".replace("-", "−")) for at in (-60, -30, 30, 60)]
    placed = []
    for ra, dec, text in [*hours, *degrees]:
        x, y = mollweide(np.array([ra]), np.array([dec]))
        placed.append((float(x[0]) + 4, float(y[0]) - 4, text))
    return placed


def _pieces(ra: FloatArray) -> Iterator[slice]:
    edges = [0, *(np.flatnonzero(np.abs(np.diff(ra)) > 180) + 1).tolist(), len(ra)]
    return (slice(first, last) for first, last in pairwise(edges))


def _polyline(x: FloatArray, y: FloatArray) -> str:
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))
