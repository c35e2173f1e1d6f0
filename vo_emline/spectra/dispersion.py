"""The spectral axis of images: linear, logarithmic, and IRAF's multispec.

``CD1_1`` wins over ``CDELT1`` (an IRAF task that rebins leaves the other behind), ``PC1_1`` multiplies
``CDELT1`` (FITS Standard 4.0, section 8.1). An axis is logarithmic where ``DC-FLAG``, CTYPE1 or the unit
says so, or where its values as lengths would be far from the optical. SDSS has ``COEFF0`` and ``COEFF1``.
IRAF's multispec (``WAT2``) has a dispersion for each aperture (Valdes 1993, *The IRAF/NOAO Spectral World
Coordinate Systems*).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numpy.polynomial import chebyshev, legendre

from vo_emline.arrays import FloatArray
from vo_emline.errors import DataError
from vo_emline.spectra.cards import Cards, number, text
from vo_emline.spectra.columns import ColumnInfo, is_length, to_angstrom

_NOT_WAVELENGTH: Final = ("FREQ", "ENER", "WAVN", "VELO", "VRAD", "VOPT", "ZOPT", "BETA")
_PIXEL: Final = ("PIXEL", "LINE")
_SPEC: Final = re.compile(r"spec(\d+)\s*=\s*\"([^\"]*)\"")
_UNITS: Final = re.compile(r"units\s*=\s*\"?([\w^*.-]+)", re.IGNORECASE)
MOST_COEFFICIENTS: Final = 200_000


def step_of(header: Cards) -> float | None:
    """Give the width of a pixel on the axis: CD1_1, else CDELT1 times PC1_1, else COEFF1."""
    direct = number(header, "CD1_1")
    if direct:
        return direct
    step, factor = number(header, "CDELT1"), number(header, "PC1_1")
    if step:
        return step * (1.0 if factor is None or factor == 0 else factor)
    return number(header, "COEFF1") or None


def dispersion(header: Cards, n_pixels: int, *, source: str) -> FloatArray:
    """Compute the wavelengths, Å, of an image with one dispersion.

    Parameters
    ----------
    header
        Its header.
    n_pixels
        Pixels along the axis.
    source
        The file, as the user named it.

    Returns
    -------
    numpy.ndarray
        Å in the medium of the file, shape (n_pixels,).

    Raises
    ------
    DataError
        ``no_wavelengths`` where the header has no dispersion or one that is not of wavelength.
    """
    start, step = number(header, "CRVAL1", "COEFF0"), step_of(header)
    if start is None or not step:
        raise DataError(source, "no_wavelengths", "the header has no CRVAL1 and CDELT1")
    kind = text(header, "CTYPE1").upper()
    if kind.startswith(_NOT_WAVELENGTH):
        raise DataError(source, "no_wavelengths", f"the axis is {kind}, not wavelength")
    reference = number(header, "CRPIX1")
    axis = start + step * (np.arange(n_pixels) + 1 - (1.0 if reference is None else reference))
    unit = text(header, "CUNIT1") or _iraf_unit(header)
    if number(header, "DC-FLAG") == 1 or (number(header, "CRVAL1") is None and _is_log10(start)):
        return to_angstrom(
            axis, ColumnInfo(name="log_axis", unit=unit if is_length(unit) else ""), source=source
        )
    if kind.endswith("-LOG") and not _is_log10(start):
        # FITS Standard 4.0, section 8.2: natural logarithm about CRVAL1
        axis = start * np.exp(np.clip((axis - start) / start, -10, 10))
        return to_angstrom(axis, ColumnInfo(name="axis", unit=unit), source=source)
    name = "log_axis" if "LOG" in kind and _is_log10(start) else "axis"
    return to_angstrom(axis, ColumnInfo(name=name, unit=unit), source=source)


def _is_log10(start: float) -> bool:
    return 2.9 < start < 4.8


def _power(axis: npt.NDArray[Any]) -> FloatArray:
    return np.asarray(10.0 ** np.clip(axis, -100, 100))


def _iraf_unit(header: Cards) -> str:
    found = _UNITS.search(_attributes(header, 1))
    return found[1] if found and found[1].lower() != "unknown" else ""


@dataclass(frozen=True, slots=True)
class Aperture:
    """One aperture of a multispec image."""

    line: int
    """Its row of the image, from 1."""
    number: int
    """The aperture's own number."""
    wavelength: FloatArray
    """Å in the medium of the file, shape (n,)."""


def is_multispec(header: Cards) -> bool:
    """Tell whether an image has a dispersion for each of its rows."""
    return "MULTISPE" in text(header, "CTYPE1").upper() or "multispec" in text(header, "WAT0_001").lower()


def apertures(header: Cards, n_pixels: int, *, source: str) -> list[Aperture]:
    """Compute the wavelengths of every aperture of a multispec image.

    Raises
    ------
    DataError
        ``no_wavelengths`` where the description is missing or not understood.
    """
    described = _SPEC.findall(_attributes(header, 2))
    if not described:
        raise DataError(
            source, "no_wavelengths", "a multispec image without the dispersion of its apertures (WAT2)"
        )
    unit = ColumnInfo(name="axis", unit=_iraf_unit(header))
    pixel = _physical_pixels(header, n_pixels)
    found = []
    for line, words in described:
        try:
            values = [float(word.replace("INDEF", "nan")) for word in words.split()[:MOST_COEFFICIENTS]]
            axis = _axis(values, pixel)
        except (ValueError, IndexError, OverflowError) as error:
            raise DataError(
                source, "no_wavelengths", f"the dispersion of aperture {line} is not understood: {error}"
            ) from error
        found.append(Aperture(int(line), int(values[0]), to_angstrom(axis, unit, source=source)))
    return found


def _attributes(header: Cards, axis: int) -> str:
    """Join the pieces of the attributes of an axis; each card holds 68 characters, its last blanks too."""
    pieces = []
    for part in range(1, 1000):
        piece = header.get(f"WAT{axis}_{part:03d}")
        if not isinstance(piece, str):
            break
        pieces.append(piece.ljust(68))
    return "".join(pieces)


def _physical_pixels(header: Cards, n_pixels: int) -> FloatArray:
    """Give the numbers that pixels had before a piece was cut out or pixels were added up (LTV1, LTM1_1).

    The dispersions of multispec are functions of these, those of images with one dispersion are not
    (Valdes 1993, section 3).
    """
    offset, scale = number(header, "LTV1") or 0.0, number(header, "LTM1_1") or 1.0
    return np.asarray((np.arange(1, n_pixels + 1, dtype=np.float64) - offset) / scale)


def _axis(values: list[float], pixel: FloatArray) -> FloatArray:
    """Compute an axis from *ap beam dtype w1 dw nw z aplow aphigh [function …]*."""
    kind, first, step, shift = int(values[2]), values[3], values[4], values[6]
    if kind in {0, 1}:
        axis = first + step * (pixel - 1)
    elif kind == 2:
        axis = _functions(values[9:], pixel)
    else:
        raise ValueError(f"dispersion of type {kind}")
    if kind == 1:
        axis = _power(axis)
    return axis / (1.0 + shift)


def _functions(values: list[float], pixel: FloatArray) -> FloatArray:
    """Add up the weighted functions of a nonlinear dispersion."""
    total, at = np.zeros_like(pixel), 0
    while at < len(values):
        weight, zero, kind = values[at], values[at + 1], int(values[at + 2])
        if kind in {1, 2}:
            order, low, high = int(values[at + 3]), values[at + 4], values[at + 5]
            coefficients = values[at + 6 : at + 6 + order]
            scaled = (2 * pixel - (high + low)) / (high - low)
            evaluate = chebyshev.chebval if kind == 1 else legendre.legval
            value, used = evaluate(scaled, coefficients), 6 + order
        elif kind in {3, 4}:
            pieces, low, high = int(values[at + 3]), values[at + 4], values[at + 5]
            count = pieces + (3 if kind == 3 else 1)
            coefficients = values[at + 6 : at + 6 + count]
            value, used = (
                _spline(pixel, np.array(coefficients), pieces, low, high, cubic=kind == 3),
                6 + count,
            )
        elif kind == 5:
            count = int(values[at + 3])
            known = np.array(values[at + 4 : at + 4 + count])
            value, used = np.interp(pixel, np.arange(1, known.size + 1), known), 4 + count
        else:
            raise ValueError(f"function of type {kind}")
        if used <= 0 or not 0 < len(values[at : at + used]) == used:
            raise ValueError("the description ends early")
        total, at = total + weight * (zero + value), at + used
    return total


def _spline(
    pixel: FloatArray, coefficients: FloatArray, pieces: int, low: float, high: float, *, cubic: bool
) -> FloatArray:
    """Evaluate IRAF's linear (order 1) or cubic (order 3) spline of equal pieces."""
    s = np.clip((pixel - low) / (high - low) * pieces, 0, pieces)
    j = np.minimum(s.astype(np.intp), pieces - 1)
    b = s - j
    a = 1 - b
    if not cubic:
        return np.asarray(a * coefficients[j] + b * coefficients[j + 1])
    weights = (a**3, 1 + 3 * a * (1 + a * b), 1 + 3 * b * (1 + a * b), b**3)
    return np.asarray(sum(w * coefficients[j + k] for k, w in enumerate(weights)))
