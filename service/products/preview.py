"""Pictures of spectra: whole, Hα close up, and Hα minus that of a star without emission; in vacuum."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from service.products.calibration import FluxCalibration, calibrated
from service.products.deliver import Delivery, find_entry, open_spectrum
from service.products.entries import Entry, Verdict, find_verdict
from service.products.template import TEMPLATE_VAC, Template, find_template
from service.store import ReleaseStore
from vo_emline.arrays import FloatArray
from vo_emline.errors import DataError
from vo_emline.labels import LABELS
from vo_emline.spectra import HALPHA_VAC, Spectrum
from vo_emline.spectra.names import stem

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ZOOM_VAC: Final = TEMPLATE_VAC
"""Close-up around Hα, vacuum Å."""

_INK, _ACCENT, _FAINT = "#1b2a49", "#c1440e", "#6b778c"
_WAVELENGTH = "Wavelength in vacuum (Å)"
_WHOLE, _ZOOM = (0.075, 0.14, 0.505, 0.68), (0.645, 0.14, 0.34, 0.68)
_UPPER, _LOWER = (0.645, 0.47, 0.34, 0.35), (0.645, 0.14, 0.34, 0.22)
"""Places of the axes, as parts of the picture; the lower one is for the residual."""
_DRAWING = threading.Lock()


def deliver_preview(store: ReleaseStore, did: str) -> Delivery:
    """Give the picture of one spectrum.

    Pictures are kept in memory (256 of them) as long as file and verdict stay the same.

    Raises
    ------
    NotFoundError
        There is no such spectrum, or its file is gone or unreadable.
    """
    entry = find_entry(store, did)
    with store.lease() as release:
        verdict = find_verdict(release, did)
        template = find_template(release, entry)
    content = _cached(entry, verdict, template, entry.version)
    return Delivery(content=content, media_type="image/png", filename=f"{stem(entry.path.name)}.png")


@lru_cache(maxsize=256)
def _cached(
    entry: Entry,
    verdict: Verdict | None,
    template: Template | None,
    version: int,  # noqa: ARG001 - part of the key
) -> bytes:
    return draw_preview(open_spectrum(entry), title=_title(entry, verdict), template=template)


def draw_preview(spectrum: Spectrum, *, title: str, template: Template | None = None) -> bytes:
    """Draw `spectrum` as a PNG of 800 × 360 pixels.

    The flux is continuum-normalised where that is possible, so that the
    strength of Hα can be read off; otherwise it is as in the file. Under the
    close-up stands the residual: the spectrum minus `template`, the median of
    absorption spectra of its type (:mod:`service.products.template`).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    flux, label = shown_flux(spectrum)
    figure = Figure(figsize=(8.0, 3.6), dpi=100)  # places by hand: a layout engine takes half of the time
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=10, color=_INK)
    inside = (spectrum.wavelength_vac > ZOOM_VAC[0]) & (spectrum.wavelength_vac < ZOOM_VAC[1])
    whole = figure.add_axes(_WHOLE)
    _draw(whole, spectrum.wavelength_vac, flux, limits=[*_bulk(flux), *_finite(flux[inside])])
    whole.set_ylabel(label, fontsize=8)
    whole.set_xlabel(_WAVELENGTH, fontsize=8)
    _draw_zoom(figure, spectrum.wavelength_vac[inside], flux[inside], template=template)
    buffer = io.BytesIO()
    with _DRAWING:  # matplotlib's text and font caches are not made for threads
        figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _draw_zoom(
    figure: Figure, wavelength: FloatArray, flux: FloatArray, *, template: Template | None
) -> None:
    under = None if template is None else template.under(wavelength, flux)
    if template is None or under is None or not np.isfinite(flux - under).any():
        zoom = figure.add_axes(_ZOOM)
        _draw(zoom, wavelength, flux, limits=_finite(flux))
    else:
        lower = figure.add_axes(_LOWER)
        zoom = figure.add_axes(_UPPER, sharex=lower)
        _draw(zoom, wavelength, flux, limits=[*_finite(flux), *_finite(under)])
        zoom.plot(wavelength, under, color=_ACCENT, linewidth=0.9)
        zoom.tick_params(labelbottom=False)
        _draw_residual(lower, wavelength, flux - under, template=template)
        zoom = lower
    zoom.set_xlim(*ZOOM_VAC)
    zoom.set_xlabel(_WAVELENGTH, fontsize=8)


def _draw_residual(axes: Axes, wavelength: FloatArray, residual: FloatArray, *, template: Template) -> None:
    _draw(axes, wavelength, residual, limits=_finite(residual), name=False)
    axes.axhline(0, color=_ACCENT, linewidth=0.9)
    axes.fill_between(wavelength, residual, 0, color=_ACCENT, alpha=0.25, linewidth=0)
    axes.set_title(
        f"minus median of {template.members} absorption spectra {template.kind}",
        fontsize=7, color=_FAINT, loc="left", pad=3,
    )  # fmt: skip


def shown_flux(spectrum: Spectrum) -> tuple[FloatArray, str]:
    """Give the flux that pictures show, NaN on bad pixels, and its name; over the continuum if possible."""
    try:
        scaled = calibrated(spectrum, FluxCalibration.NORMALIZED)
    except DataError:
        scaled = calibrated(spectrum, FluxCalibration.UNCALIBRATED)
        return np.where(spectrum.mask, np.nan, scaled.flux), f"Flux {scaled.unit}".strip()
    return np.where(spectrum.mask, np.nan, scaled.flux), "Flux / continuum"


def _draw(
    axes: Axes, wavelength: FloatArray, flux: FloatArray, *, limits: Sequence[float], name: bool = True
) -> None:
    axes.plot(wavelength, flux, color=_INK, linewidth=0.7)
    axes.axvline(HALPHA_VAC, color=_ACCENT, linewidth=0.8, linestyle="--")
    if name:
        axes.annotate(
            "Hα", (HALPHA_VAC, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 1),
            textcoords="offset points", fontsize=8, color=_ACCENT, ha="center", va="bottom",
        )  # fmt: skip
    axes.tick_params(labelsize=7, color=_FAINT)
    axes.spines[["top", "right"]].set_visible(False)
    if not limits:
        axes.text(0.5, 0.5, "no flux here", transform=axes.transAxes, ha="center", fontsize=8, color=_FAINT)
        return
    low, high = min(limits), max(limits)
    margin = 0.06 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)


def _bulk(flux: FloatArray) -> list[float]:
    """Give limits of the flux that cosmics and noisy ends cannot spoil; empty where nothing is to be seen."""
    finite = _finite(flux)
    return np.percentile(finite, (1, 99)).tolist() if finite else []


def _finite(flux: FloatArray) -> list[float]:
    return [float(value) for value in flux[np.isfinite(flux)]]


def _title(entry: Entry, verdict: Verdict | None) -> str:
    name = f"{entry.target_name or entry.obs_publisher_did}   {entry.collection}"
    facts = [entry.spectral_subclass, f"S/N {entry.snr_r:.0f}" if entry.snr_r is not None else ""]
    first = "   ".join([name, *filter(None, facts)])
    if verdict is None:
        return first
    scores = ", ".join(f"{label} {p:.2f}" for label, p in zip(LABELS, verdict.probabilities, strict=True))
    return f"{first}\n{verdict.label}  ({scores})"
