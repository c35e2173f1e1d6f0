"""Figures of results: where candidates are, what they look like around Hα; also drawn with characters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from vo_emline.labels import LABELS
from vo_emline.net.rows import Row, Rows
from vo_emline.plots import LABEL_COLOURS, mark_halpha, new_figure, styled
from vo_emline.spectra import HALPHA_VAC, Spectrum

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HALF_WIDTH: Final = 60.0
"""Wavelengths drawn to either side of Hα, Å."""

WIDE: Final = 60.0
"""Candidates farther apart than this (deg) are drawn on a map of the whole sky."""

WAVELENGTH: Final = "vacuum wavelength (Å)"
"""What stands at every wavelength axis."""

_SPEED_OF_LIGHT = 299_792.458
"""km/s."""

_DOTS: Final = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""Bits of a braille pattern (Unicode block U+2800): four rows of two dots."""


def around_halpha(
    spectrum: Spectrum, *, half_width: float = HALF_WIDTH
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
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


def verdict(row: Row | None) -> str:
    """Say label and score of a row: the score is the probability of emission of either kind."""
    if row is None:
        return ""
    label = row.text("label")
    score = f"probability of emission {row['score']:.3f}" if row.has("score") else ""
    return ", ".join(filter(None, (label, score)))


def draw_near(axes: Axes, spectrum: Spectrum, *, colour: str, half_width: float = HALF_WIDTH) -> None:
    """Draw a spectrum around Hα."""
    wavelength, flux = around_halpha(spectrum, half_width=half_width)
    axes.plot(wavelength, flux, color=colour, drawstyle="steps-mid")
    mark_halpha(axes)
    axes.set_xlim(HALPHA_VAC - half_width, HALPHA_VAC + half_width)
    if not wavelength.size:
        axes.text(0.5, 0.5, "Hα not covered", transform=axes.transAxes, ha="center", fontsize=8)


@styled
def one(spectrum: Spectrum, *, title: str, row: Row | None = None, half_width: float = HALF_WIDTH) -> Figure:
    """Draw one spectrum: whole above, around Hα (with a velocity axis) below; readable at 400 pixels.

    Parameters
    ----------
    spectrum
        What to draw.
    title
        Its name.
    row
        Tells label and score, where they are known.
    half_width
        Wavelengths to either side of Hα, Å.
    """
    figure = new_figure(5, 4.6)
    whole, near = figure.subplots(2, 1, height_ratios=(2, 3))
    colour = _colour("" if row is None else row.text("label"))
    whole.plot(spectrum.wavelength_vac, np.where(spectrum.mask, np.nan, spectrum.flux), color=colour, lw=0.6)
    mark_halpha(whole)
    whole.set_title("\n".join(filter(None, (title, verdict(row)))), fontsize=10)
    whole.set_xlabel(WAVELENGTH)
    whole.set_ylabel(_flux_label(spectrum.flux_unit))
    draw_near(near, spectrum, colour=colour, half_width=half_width)
    near.set_xlabel(f"{WAVELENGTH}; dotted: Hα")
    near.set_ylabel("flux / median")
    velocity = near.secondary_xaxis("top", functions=(_velocity, _wavelength))
    velocity.set_xlabel("velocity (km/s)")
    near.spines["top"].set_visible(True)
    return figure


def _flux_label(unit: str) -> str:
    """Name the flux and its unit; a unit too long for the axis has a line of its own."""
    if not unit:
        return "flux (relative)"
    return f"flux\n({unit})" if len(unit) > 12 else f"flux ({unit})"


def _velocity(wavelength: Any) -> Any:
    return (np.asarray(wavelength) / HALPHA_VAC - 1) * _SPEED_OF_LIGHT


def _wavelength(velocity: Any) -> Any:
    return (np.asarray(velocity) / _SPEED_OF_LIGHT + 1) * HALPHA_VAC


@styled
def gallery(rows: Rows, spectra: Sequence[Spectrum | None], *, columns: int = 4) -> Figure:
    """Draw the spectra of rows around Hα, coloured by class, with name, class and score."""
    lines = max(1, ceil(len(spectra) / columns))
    figure = new_figure(2.2 * columns, 1.7 * lines + 0.4)
    panels = figure.subplots(lines, columns, sharex=True, squeeze=False)
    for panel in panels.flat[len(spectra) :]:
        panel.set_visible(False)
    for panel, row, spectrum in zip(panels.flat, rows, spectra, strict=False):
        panel.set_title("\n".join(filter(None, (row.text("designation"), _short(row)))), fontsize=8)
        panel.tick_params(labelsize=8)
        if spectrum is None:
            panel.text(0.5, 0.5, "not available", transform=panel.transAxes, ha="center", fontsize=8)
        else:
            draw_near(panel, spectrum, colour=_colour(row.text("label")))
    figure.supxlabel(f"{WAVELENGTH}; dotted: Hα", fontsize=9)
    figure.supylabel("flux / median", fontsize=9)
    return figure


_IN_TIME: Final = (
    ("ew", "ew_error", "EW (Å)"),
    ("vr_ratio", "vr_ratio_error", "V/R"),
    ("radial_velocity", "radial_velocity_error", "velocity (km/s)"),
)
"""What is drawn against time: column, its error, label of the axis."""


@styled
def variability(rows: Rows) -> Figure:
    """Draw what was measured against time with its errors, coloured by class; a mark for every survey."""
    shown = [one for one in _IN_TIME if one[0] in rows and any(row.has(one[0]) for row in rows)]
    figure = new_figure(5, 1.6 * max(len(shown), 1) + 1.0)
    panels = figure.subplots(max(len(shown), 1), 1, sharex=True, squeeze=False)[:, 0]
    surveys = list(dict.fromkeys(row.text("survey") for row in rows))
    for panel, (name, error, axis) in zip(panels, shown, strict=False):
        for row in rows:
            if row.has(name) and row.has("epoch_mjd"):
                panel.errorbar(
                    row["epoch_mjd"],
                    row[name],
                    yerr=row[error] if row.has(error) else None,
                    fmt="osD^v"[surveys.index(row.text("survey")) % 5],
                    color=_colour(row.text("label")),
                    ms=5,
                    label=", ".join(filter(None, (row.text("survey"), row.text("label")))),
                )
        panel.set_ylabel(axis)
        panel.ticklabel_format(useOffset=False)
    if not shown:
        panels[0].text(0.5, 0.5, "nothing was measured", transform=panels[0].transAxes, ha="center")
    elif "ew" in rows:
        panels[0].invert_yaxis()  # emission, which is negative, upwards
    panels[-1].set_xlabel("MJD (UTC)")
    handles: dict[str, Any] = {}
    for panel in panels:
        handles |= dict(zip(*reversed(panel.get_legend_handles_labels()), strict=True))
    if handles:
        panels[0].legend(handles.values(), handles.keys(), fontsize=7)
    return figure


def _short(row: Row) -> str:
    score = f"score {row['score']:.2f}" if row.has("score") else ""
    return ", ".join(filter(None, (row.text("label"), score)))


def _colour(label: str) -> str:
    return LABEL_COLOURS.get(label, LABEL_COLOURS[LABELS[0]])


@styled
def overview(rows: Rows, position: SkyCoord) -> Figure:
    """Draw positions on the sky, and scores against S/N, coloured by class."""
    labels = np.array([row.text("label") for row in rows], dtype=object)
    scored = "snr_r" in rows and "score" in rows
    figure = new_figure(5, 6.2)
    sky = _sky(figure, position)
    score = figure.add_subplot(2, 1, 2)
    for label in dict.fromkeys(labels):
        chosen = labels == label
        style: dict[str, Any] = {"ms": 5, "color": _colour(label)}
        sky(position[chosen], style)
        if scored:
            score.plot(rows["snr_r"][chosen], rows["score"][chosen], ".", label=label, **style)
    score.set(xlabel="S/N per pixel in r", ylabel="probability of emission", ylim=(-0.02, 1.02))
    score.set_title(f"{len(rows)} rows", fontsize=10)
    if score.lines:
        score.legend()
    return figure


def _sky(figure: Figure, position: SkyCoord) -> Callable[[SkyCoord, dict[str, Any]], Any]:
    """Add a map of the whole sky, or of the region where everything lies; give what draws on it."""
    if len(position) and position.separation(position[0]).max().deg < WIDE:
        region = figure.add_subplot(2, 1, 1)
        region.invert_xaxis()
        region.set_aspect(1 / max(np.cos(position.dec.radian.mean()), 0.05), adjustable="datalim")
        region.set(xlabel="right ascension (deg, ICRS)", ylabel="declination (deg)")
        centre = float(position[0].ra.deg)
        return lambda where, style: region.plot(
            where.ra.wrap_at(f"{centre + 180}d").deg, where.dec.deg, ".", **style
        )
    whole = figure.add_subplot(2, 1, 1, projection="mollweide")
    whole.set_xticklabels([])
    whole.grid(visible=True, lw=0.3)
    whole.set_title("ICRS, east to the left")
    return lambda where, style: whole.plot(-where.ra.wrap_at("180d").radian, where.dec.radian, ".", **style)


def draw_text(
    x: npt.NDArray[np.floating],
    y: npt.NDArray[np.floating],
    *,
    width: int = 72,
    height: int = 16,
    mark: float | None = None,
) -> str:
    """Draw y over x as a line of braille dots, with axes.

    Parameters
    ----------
    x
        Ascending, shape (n,).
    y
        Shape (n,); NaN leaves a gap.
    width, height
        Size of the plot in characters, labels not counted.
    mark
        A value of x marked below the axis.

    Returns
    -------
    str
        ``height`` + 2 lines.
    """
    finite = np.isfinite(y)
    if not finite.any():
        return "(no data)"
    low, high = float(np.min(y[finite])), float(np.max(y[finite]))
    cells = _cells(x, y, (low, high), (width, height))
    rows = ["".join(chr(0x2800 + int(bits)) for bits in row) for row in cells]
    labels = [f"{high:9.3g} ┤", *(["          │"] * (height - 2)), f"{low:9.3g} ┤"]
    lines = [label + row for label, row in zip(labels, rows, strict=True)]
    return "\n".join([*lines, _axis(x, width, mark), _ticks(x, width)])


def _cells(
    x: npt.NDArray[np.floating],
    y: npt.NDArray[np.floating],
    limits: tuple[float, float],
    size: tuple[int, int],
) -> npt.NDArray[np.int64]:
    """Set the dots of a line; give the bits of each character, shape (height, width)."""
    width, height = size
    columns = np.linspace(x[0], x[-1], 2 * width)
    span = (limits[1] - limits[0]) or 1.0
    level = np.interp(columns, x, np.where(np.isfinite(y), y, np.nan))
    rows = (limits[1] - level) / span * (4 * height - 1)
    cells = np.zeros((height, width), dtype=np.int64)
    previous = np.nan
    for column, row in enumerate(rows):
        if np.isfinite(row):
            start = previous if np.isfinite(previous) else row
            for dot in range(round(min(start, row)), round(max(start, row)) + 1):
                cells[dot // 4, column // 2] |= _DOTS[dot % 4, column % 2]
        previous = row
    return cells


def _axis(x: npt.NDArray[np.floating], width: int, mark: float | None) -> str:
    line = ["─"] * width
    if mark is not None and x[0] <= mark <= x[-1]:
        line[_place_of(x, width, mark)] = "┴"
    return "          └" + "".join(line)


def _ticks(x: npt.NDArray[np.floating], width: int) -> str:
    first, middle, last = (f"{value:.0f}" for value in (x[0], (x[0] + x[-1]) / 2, x[-1]))
    return " " * 11 + first + middle.center(width - len(first) - len(last)) + last


def _place_of(x: npt.NDArray[np.floating], width: int, value: float) -> int:
    return min(int((value - x[0]) / (x[-1] - x[0]) * width), width - 1)
