"""A spectrum as a drawing of its page: light, readable on a telephone, dark where the reader's browser is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, Literal

import numpy as np

from service.errors import NotFoundError
from service.products.preview import shown_flux
from service.products.template import TEMPLATE_VAC, find_template
from service.store import ReleaseStore
from service.web.candidate import find_spectrum
from vo_emline.arrays import FloatArray
from vo_emline.spectra import HALPHA_VAC

Panel = Literal["halpha", "whole"]
"""Hα close up, or all of the spectrum."""

PANELS: Final[tuple[Panel, ...]] = ("halpha", "whole")

WIDTH: Final = 480
HEIGHT: Final = 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 26, 44
_COLUMNS: Final = 420
"""Places across the drawing: of more pixels the least and the greatest of each place are drawn."""

_STYLE: Final = """
text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #55626f; }
.back { fill: #ffffff; } .frame { fill: none; stroke: #d7dee6; }
.flux { fill: none; stroke: #16202b; stroke-width: 1.3; stroke-linejoin: round; }
.expected { fill: none; stroke: #b3261e; stroke-width: 1.3; }
.line { stroke: #b3261e; stroke-dasharray: 4 4; } .name { fill: #b3261e; }
@media (prefers-color-scheme: dark) {
  text { fill: #a3b0bd; } .back { fill: #1d2630; } .frame { stroke: #33404d; } .flux { stroke: #e6ebf1; }
  .expected, .line { stroke: #ff8a80; } .name { fill: #ff8a80; }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What is drawn."""

    wavelength: FloatArray
    """Vacuum Å, ascending, shape (n,)."""
    flux: FloatArray
    """Shape (n,), NaN where bad."""
    expected: FloatArray | None = None
    """The absorption expected on the same pixels; NaN where unknown."""
    name: str = "Flux"
    """Of the flux and its unit."""


def figure_svg(store: ReleaseStore, candidate_id: str, panel: Panel) -> str:
    """Draw a spectrum as SVG.

    Raises
    ------
    NotFoundError
        There is no such spectrum, or its file is gone or unreadable.
    """
    entry, spectrum = find_spectrum(store, candidate_id)
    flux, name = shown_flux(spectrum)
    curve = Curve(wavelength=spectrum.wavelength_vac, flux=flux, name=name)
    if panel == "whole":
        return draw(curve)
    inside = (curve.wavelength > TEMPLATE_VAC[0]) & (curve.wavelength < TEMPLATE_VAC[1])
    if not inside.any():
        raise NotFoundError(f"{candidate_id} does not cover Hα")
    with store.lease() as release:
        template = find_template(release, entry)
    wavelength, close = curve.wavelength[inside], flux[inside]
    expected = None if template is None else template.under(wavelength, close)
    return draw(Curve(wavelength=wavelength, flux=close, expected=expected, name=name), whole=False)


def draw(curve: Curve, *, whole: bool = True) -> str:
    """Draw a curve with its axes.

    Parameters
    ----------
    curve
        What is drawn.
    whole
        Whether the ends of the flux axis are chosen so that cosmics and noisy edges cannot spoil it.
    """
    low, high = flux_limits(curve, whole=whole)
    first, last = float(curve.wavelength[0]), float(curve.wavelength[-1])
    across = _Scale(first, last if last > first else first + 1, _LEFT, WIDTH - _RIGHT)
    up = _Scale(low, high, HEIGHT - _BOTTOM, _TOP)
    paths = [("flux", curve.flux)]
    if curve.expected is not None:
        paths.append(("expected", curve.expected))
    drawn = "".join(
        f'<path class="{name}" d="{_path(across.of(curve.wavelength), up.of(values))}"/>'
        for name, values in paths
    )
    halpha = across.of(np.array([HALPHA_VAC]))[0]
    line = (
        f'<path class="line" d="M{halpha:.1f} {_TOP}V{HEIGHT - _BOTTOM}"/>'
        f'<text class="name" x="{halpha:.1f}" y="{_TOP - 8}" text-anchor="middle">Hα</text>'
        if first < HALPHA_VAC < last
        else ""
    )
    middle = (_TOP + HEIGHT - _BOTTOM) / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}"><style>{_STYLE}</style><rect class="back" width="{WIDTH}" height="{HEIGHT}"/>'
        f'<clipPath id="c"><rect x="{_LEFT}" y="{_TOP}" width="{WIDTH - _LEFT - _RIGHT}" '
        f'height="{HEIGHT - _TOP - _BOTTOM}"/></clipPath>{_axes(across, up)}'
        f'<g clip-path="url(#c)">{drawn}</g>{line}'
        f'<text x="{(_LEFT + WIDTH - _RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">'
        "Wavelength in vacuum (Å)</text>"
        f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">'
        f"{escape(curve.name)}</text></svg>"
    )


def flux_limits(curve: Curve, *, whole: bool) -> tuple[float, float]:
    """Give the ends of the flux axis; those of a whole spectrum hold Hα, whatever the rest does.

    The absorption that is expected is always within: under emission it is the lowest of all.
    """
    good = curve.flux[np.isfinite(curve.flux)]
    if not good.size:
        return 0.0, 1.0
    if whole:
        near = np.abs(curve.wavelength - HALPHA_VAC) < 30
        line = curve.flux[near & np.isfinite(curve.flux)]
        ends = [*np.percentile(good, (0.5, 99.5)), *(line.min(initial=np.inf), line.max(initial=-np.inf))]
    else:
        ends = [good.min(), good.max()]
    if curve.expected is not None:
        ends += [np.nanmin(curve.expected, initial=np.inf), np.nanmax(curve.expected, initial=-np.inf)]
    ends = [end for end in ends if math.isfinite(end)]
    low, high = float(min(ends)), float(max(ends))
    margin = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return low - margin, high + margin


def ticks(low: float, high: float, *, most: int) -> list[float]:
    """Give round numbers between two values.

    >>> ticks(0.13, 0.94, most=5), ticks(3700, 9100, most=4)
    ([0.2, 0.4, 0.6, 0.8], [4000.0, 6000.0, 8000.0])
    """
    rough = (high - low) / most
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * size for size in (1, 2, 5, 10) if unit * size >= rough)
    return [round(number * step, 12) for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float
    start: float
    end: float

    def of(self, values: FloatArray) -> FloatArray:
        return self.start + (values - self.low) / (self.high - self.low) * (self.end - self.start)


def _axes(across: _Scale, up: _Scale) -> str:
    parts = []
    for tick in ticks(across.low, across.high, most=5):
        x = across.of(np.array([tick]))[0]
        parts.append(f'<path class="frame" d="M{x:.1f} {_TOP}V{HEIGHT - _BOTTOM}"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - _BOTTOM + 16}" text-anchor="middle">{tick:g}</text>')
    for tick in ticks(up.low, up.high, most=5):
        y = up.of(np.array([tick]))[0]
        text = f"{tick:.4g}".replace("-", "−")
        parts.append(f'<path class="frame" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    return "".join(parts)


def _path(x: FloatArray, y: FloatArray) -> str:
    x, y = _thinned(x, y)
    parts, pen = [], "M"
    for across, down in zip(x.tolist(), y.tolist(), strict=True):
        if math.isfinite(down):
            parts.append(f"{pen}{across:.1f} {down:.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(parts)


def _thinned(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Keep of many pixels the least and the greatest of each place across, in their order."""
    if len(x) <= 3 * _COLUMNS:
        return x, y
    kept: list[int] = []
    for part in np.array_split(np.arange(len(x)), _COLUMNS):
        kept += _ends(y[part], part)
    return x[kept], y[kept]


def _ends(values: FloatArray, places: Sequence[int] | np.ndarray) -> list[int]:
    good = np.flatnonzero(np.isfinite(values))
    if not good.size:
        return [int(places[0])]
    ends = {int(good[values[good].argmin()]), int(good[values[good].argmax()])}
    return [int(places[end]) for end in sorted(ends)]
