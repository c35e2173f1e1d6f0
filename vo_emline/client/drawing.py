"""Figures of results: where candidates are, and what they look like around Hα."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from vo_emline.arrays import FloatArray
from vo_emline.labels import LABELS
from vo_emline.plots import LABEL_COLOURS, mark_halpha, new_figure
from vo_emline.spectra import HALPHA_VAC, Spectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vo_emline.client.candidates import Candidates

HALF_WIDTH: Final = 60.0
"""Wavelengths drawn to either side of Hα, Å."""

WIDE: Final = 60.0
"""Candidates farther apart than this (deg) are drawn on a map of the whole sky."""


def around_halpha(spectrum: Spectrum, *, half_width: float = HALF_WIDTH) -> tuple[FloatArray, FloatArray]:
    """Cut a spectrum around Hα, scaled to a median of 1, bad pixels as gaps.

    Returns
    -------
    wavelength
        Vacuum, Å, shape (n,).
    flux
        Relative, shape (n,); NaN on bad pixels. Empty where Hα is not covered.
    """
    near = np.abs(spectrum.wavelength_vac - HALPHA_VAC) <= half_width
    flux = np.where(spectrum.mask, np.nan, spectrum.flux)[near]
    if not np.isfinite(flux).any():
        return spectrum.wavelength_vac[near][:0], flux[:0]
    level = float(np.nanmedian(flux))
    return spectrum.wavelength_vac[near], flux / level if level > 0 else flux


def draw(axes: Axes, spectrum: Spectrum, *, colour: str, half_width: float = HALF_WIDTH) -> None:
    """Draw a spectrum around Hα."""
    wavelength, flux = around_halpha(spectrum, half_width=half_width)
    axes.plot(wavelength, flux, color=colour, drawstyle="steps-mid")
    mark_halpha(axes)
    if not wavelength.size:
        axes.text(0.5, 0.5, "Hα not covered", transform=axes.transAxes, ha="center", fontsize=8)


def one(spectrum: Spectrum, *, title: str, label: str = "") -> Figure:
    """Draw one spectrum: whole above, around Hα below."""
    figure = new_figure(8, 5)
    whole, near = figure.subplots(2, 1)
    colour = LABEL_COLOURS.get(label, LABEL_COLOURS[LABELS[0]])
    whole.plot(spectrum.wavelength_vac, np.where(spectrum.mask, np.nan, spectrum.flux), color=colour, lw=0.7)
    mark_halpha(whole)
    whole.set_title(f"{title}  {label}".strip())
    draw(near, spectrum, colour=colour)
    near.set_xlabel("vacuum wavelength (Å); dotted: Hα")
    whole.set_ylabel(f"flux ({spectrum.flux_unit})" if spectrum.flux_unit else "flux")
    near.set_ylabel("flux / median")
    return figure


def gallery(candidates: Candidates, *, columns: int = 4) -> Figure:
    """Fetch the spectra of all rows and draw them around Hα, coloured by class."""
    spectra = candidates.spectra()
    rows = max(1, ceil(len(spectra) / columns))
    figure = new_figure(2.5 * columns, 1.7 * rows + 0.4)
    panels = figure.subplots(rows, columns, sharex=True, squeeze=False)
    for panel in panels.flat[len(spectra) :]:
        panel.set_visible(False)
    for panel, row, spectrum in zip(panels.flat, candidates, spectra, strict=False):
        label = str(row["label"]) if "label" in row.colnames else ""
        panel.set_title(_title(row), fontsize=7)
        panel.tick_params(labelsize=7)
        if spectrum is None:
            panel.text(0.5, 0.5, "not available", transform=panel.transAxes, ha="center", fontsize=8)
        else:
            draw(panel, spectrum, colour=LABEL_COLOURS.get(label, LABEL_COLOURS[LABELS[0]]))
    figure.supxlabel("vacuum wavelength (Å); dotted: Hα", fontsize=8)
    figure.supylabel("flux / median", fontsize=8)
    return figure


def overview(candidates: Candidates) -> Figure:
    """Draw positions on the sky, and scores against S/N, coloured by class."""
    table = candidates.table
    position = candidates.skycoord
    labels = np.asarray(table["label"]).astype(str) if "label" in table.colnames else np.full(len(table), "")
    scored = {"snr_r", "score"} <= set(table.colnames)
    figure = new_figure(9, 3.6)
    sky = _sky(figure, position)
    score = figure.add_subplot(1, 2, 2)
    for label in dict.fromkeys(labels):
        chosen = labels == label
        style: dict[str, Any] = {"ms": 4, "color": LABEL_COLOURS.get(label, LABEL_COLOURS[LABELS[0]])}
        sky(position[chosen], style)
        if scored:
            score.plot(table["snr_r"][chosen], table["score"][chosen], ".", label=label, **style)
    score.set(xlabel="S/N per pixel in r", ylabel="probability of emission", ylim=(-0.02, 1.02))
    if score.lines:
        score.legend()
    return figure


def _sky(figure: Figure, position: SkyCoord) -> Callable[[SkyCoord, dict[str, Any]], Any]:
    """Add a map of the whole sky, or of the region where everything lies; give what draws on it."""
    if len(position) and position.separation(position[0]).max().deg < WIDE:
        region = figure.add_subplot(1, 2, 1)
        region.invert_xaxis()
        region.set_aspect(1 / max(np.cos(position.dec.radian.mean()), 0.05), adjustable="datalim")
        region.set(xlabel="right ascension (deg, ICRS)", ylabel="declination (deg)")
        centre = position[0].ra
        return lambda where, style: region.plot(
            where.ra.wrap_at(centre + 180 * u.deg).deg, where.dec.deg, ".", **style
        )
    whole = figure.add_subplot(1, 2, 1, projection="mollweide")
    whole.set_xticklabels([])
    whole.grid(visible=True, lw=0.3)
    whole.set_title("ICRS, east to the left")
    return lambda where, style: whole.plot(-where.ra.wrap_at("180d").radian, where.dec.radian, ".", **style)


def _title(row: object) -> str:
    names = getattr(row, "colnames", [])
    name = str(row["designation"]) if "designation" in names else ""  # type: ignore[index]
    score = f"  {row['score']:.2f}" if "score" in names else ""  # type: ignore[index]
    return name + score
