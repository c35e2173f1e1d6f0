"""Wavelength grids that many files share: checked once, cut once."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from vo_emline.arrays import FloatArray
from vo_emline.spectra.assemble import MIN_PIXELS, OPTICAL
from vo_emline.spectra.lamost_image import is_wavelength_row, log_linear
from vo_emline.spectra.quick_header import Header, Unexpected

_DISPERSION: Final = ("CRVAL1", "COEFF0", "CD1_1", "CDELT1", "COEFF1", "CRPIX1")
"""The cards that :func:`~vo_emline.spectra.lamost_image.log_linear` asks for."""

MOST_ROWS: Final = 64
"""Wavelength rows remembered; about 50 kB each."""


class Grid:
    """Wavelengths of a whole spectrum, vacuum Å, ascending.

    Parameters
    ----------
    wavelength_vac
        The wavelengths, shape (n,).

    Raises
    ------
    Unexpected
        They are not what :func:`~vo_emline.spectra.assemble.assemble` takes as they stand.
    """

    __slots__ = ("_parts", "n_pixels", "wave_max", "wave_min", "wavelength_vac")

    def __init__(self, wavelength_vac: FloatArray) -> None:
        wave = wavelength_vac
        if wave.size < MIN_PIXELS or not np.all(np.diff(wave) > 0):
            raise Unexpected
        self.wave_min, self.wave_max = float(wave[0]), float(wave[-1])
        if not OPTICAL[0] <= self.wave_min < self.wave_max <= OPTICAL[1]:
            raise Unexpected
        self.n_pixels = wave.size
        self.wavelength_vac = wave
        self._parts: dict[tuple[float, float], tuple[int, FloatArray]] = {}

    def part(self, between: tuple[float, float]) -> tuple[int, FloatArray]:
        """Give the first pixel and the wavelengths of the part between two wavelengths, vacuum Å.

        It has one pixel more at either end, where the grid has one.
        """
        found = self._parts.get(between)
        if found is None:
            low, high = np.searchsorted(self.wavelength_vac, between)
            start = max(int(low) - 1, 0)
            wave = self.wavelength_vac[start : int(high) + 1].copy()
            wave.flags.writeable = False  # shared by all spectra on this grid
            found = self._parts[between] = start, wave
        return found


def announced_grid(header: Header, n_pixels: int) -> Grid:
    """Give the log-linear grid that the header of a LAMOST image announces.

    Raises
    ------
    Unexpected
        It announces none, or an odd one.
    """
    return _log_linear_grid(tuple([header.get(key) for key in _DISPERSION]), n_pixels)


@lru_cache(maxsize=256)
def _log_linear_grid(values: tuple[object, ...], n_pixels: int) -> Grid:
    return Grid(log_linear(dict(zip(_DISPERSION, values, strict=True)), n_pixels, source=""))


class _Rows:
    """Wavelength rows met before, found by their ends and compared byte by byte."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, bytes, str], tuple[bytes, Grid]] = {}

    def grid(self, row: bytes, dtype: str) -> Grid:
        """Give the grid of a row as the file holds it.

        Raises
        ------
        Unexpected
            It is no row of wavelengths.
        """
        key = row[:16], row[-16:], dtype
        content, grid = self._known.get(key, (b"", None))
        if grid is None or content != row:
            wave = np.frombuffer(row, dtype=dtype).astype(np.float64)
            if not is_wavelength_row(wave):
                raise Unexpected
            grid = Grid(wave)
            while len(self._known) >= MOST_ROWS:
                del self._known[next(iter(self._known))]
            self._known[key] = row, grid
        return grid


row_grid: Final = _Rows().grid
