"""LAMOST spectra kept as rows, image or table of one row: the pixels around a line, and nothing else.

Wavelength grids are shared by many files: each is checked once and cut once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.spectra.assemble import MIN_PIXELS, OPTICAL, clean_ivar, not_a_flux
from vo_emline.spectra.lamost import LRS, RESOLVING_POWER, bad_pixels, lamost_identity
from vo_emline.spectra.lamost_image import is_wavelength_row, log_linear
from vo_emline.spectra.lamost_table import LRS_BEGINS
from vo_emline.spectra.medium import HALPHA_VAC, Medium
from vo_emline.spectra.quick.source import Header, Source, Unexpected
from vo_emline.spectra.spectrum import Coverage, Spectrum

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


_DTYPE: Final = {-32: ">f4", -64: ">f8"}
_ITEM: Final = {">f4": 4, ">f8": 8}

_IMAGE_ROWS: Final = ("FLUX", "IVAR", "THIRD", "ANDMASK", "ORMASK")


class Rows:
    """Rows of floats of one length, one behind the other in a file.

    Parameters
    ----------
    source
        Content of the file.
    start
        Byte at which the first row begins.
    dtype
        Type of the values, ``>f4`` or ``>f8``.
    n_pixels
        Values of a row.
    names
        What the rows are.

    Raises
    ------
    Unexpected
        The file ends before the rows do.
    """

    __slots__ = ("_item", "_numbers", "_source", "_start", "dtype", "n_pixels")

    def __init__(
        self, source: Source, start: int, *, dtype: str, n_pixels: int, names: tuple[str, ...]
    ) -> None:
        self._source, self._start, self._item = source, start, _ITEM[dtype]
        self._numbers = {name: number for number, name in enumerate(names)}
        self.dtype, self.n_pixels = dtype, n_pixels
        if source.size < start + len(names) * n_pixels * self._item:
            raise Unexpected

    def __contains__(self, name: str) -> bool:
        return name in self._numbers

    def whole(self, name: str) -> bytes:
        """Give a row as it stands in the file."""
        return self._read(name, 0, self.n_pixels)

    def parts(self, names: tuple[str, ...], first: int, count: int) -> FloatArray:
        """Give `count` values of some rows from `first` on, shape (len(names), count)."""
        content = b"".join([self._read(name, first, count) for name in names])
        return np.frombuffer(content, dtype=self.dtype).reshape(len(names), count).astype(np.float64)

    def any(self, name: str, first: int, count: int) -> bool:
        """Tell whether any of `count` values of a row from `first` on has a bit set."""
        return self._read(name, first, count) != bytes(count * self._item)

    def _read(self, name: str, first: int, count: int) -> bytes:
        offset = self._start + (self._numbers[name] * self.n_pixels + first) * self._item
        return self._source.read(offset, count * self._item)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which file, and which part of it."""

    name: str
    """The file, as the user named it."""
    between: tuple[float, float]
    """First and last wavelength, vacuum Å."""
    file_size: int
    """Bytes on disk."""
    medium: Medium | None = None
    """Medium of the wavelengths, stated by the user."""
    normalised: bool = True
    """Whether the normalised flux of the pipeline is wanted."""


def read_image_part(source: Source, header: Header, start: int, *, wanted: Wanted) -> Spectrum:
    """Read the part of a five-row image between two wavelengths.

    The values are those of :func:`~vo_emline.spectra.lamost_image.read_lamost_image`.

    Parameters
    ----------
    source
        Content of the file.
    header
        Its primary header.
    start
        Byte at which the image begins.
    wanted
        The file and the wavelengths.

    Raises
    ------
    Unexpected
        The thorough reader has to look at the file.
    """
    dtype = _DTYPE.get(header.get("BITPIX"))
    if dtype is None or header.get("BSCALE", 1) != 1 or header.get("BZERO", 0) != 0:
        raise Unexpected
    rows = Rows(source, start, dtype=dtype, n_pixels=header.get("NAXIS1"), names=_IMAGE_ROWS)
    grid, announced = _grid_of_image(rows, header, wanted.between)
    layout = "lamost-image-continuum" if announced else "lamost-image-wavelength"
    return _part(rows, grid, header, wanted=wanted, layout=layout, normalised="THIRD" if announced else "")


def read_row_table_part(rows: Rows, header: Header, *, wanted: Wanted) -> Spectrum:
    """Read the part of a low-resolution table of one row between two wavelengths.

    The values are those of :func:`~vo_emline.spectra.lamost_table.read_lamost_table`.

    Parameters
    ----------
    rows
        The columns of the table: its one row holds a vector of each.
    header
        The primary header.
    wanted
        The file and the wavelengths.

    Raises
    ------
    Unexpected
        The thorough reader has to look at the file.
    """
    grid = row_grid(rows.whole("WAVELENGTH"), rows.dtype)
    if not grid.wave_min < LRS_BEGINS < HALPHA_VAC < grid.wave_max or "ANDMASK" not in rows:
        raise Unexpected
    normalised = "NORMALIZATION" if "NORMALIZATION" in rows else ""
    return _part(rows, grid, header, wanted=wanted, layout="lamost-coadd-table", normalised=normalised)


GLANCE: Final = 64
"""Pixels by which a third row is told: wavelengths rise from each to the next."""


def _grid_of_image(rows: Rows, header: Header, between: tuple[float, float]) -> tuple[Grid, bool]:
    """Find the wavelengths, and tell whether the header announces them.

    A third row that falls somewhere cannot be wavelengths, and is the normalised flux. One that rises all
    along is read to its end.
    """
    try:
        announced = announced_grid(header, rows.n_pixels)
    except Unexpected:
        return row_grid(rows.whole("THIRD"), rows.dtype), False
    first, wave = announced.part(between)
    for count in (min(GLANCE, wave.size), wave.size):
        third = rows.parts(("THIRD",), first, count)[0]
        if not (third[1:] > third[:-1]).all():
            return announced, True
    return row_grid(rows.whole("THIRD"), rows.dtype), False


def _part(
    rows: Rows,
    grid: Grid,
    header: Header,
    *,
    wanted: Wanted,
    layout: str,
    normalised: str,
) -> Spectrum:
    """Make the spectrum; `normalised` names the row of the normalised flux, where there is one."""
    if header.get("VACUUM") is False:
        raise Unexpected
    first, wave = grid.part(wanted.between)
    flux, ivar = rows.parts(("FLUX", "IVAR"), first, wave.size)
    # most files have an empty mask
    andmask = rows.parts(("ANDMASK",), first, wave.size)[0] if rows.any("ANDMASK", first, wave.size) else None
    bad = not_a_flux(flux) | bad_pixels(flux, ivar, andmask=andmask)
    _check_signal(flux, bad)
    power = RESOLVING_POWER[LRS]
    return Spectrum(
        wavelength_vac=wave,
        flux=flux,
        ivar=clean_ivar(ivar),
        mask=bad,
        resolving_power=power,
        identity=lamost_identity(header, source=wanted.name, survey=LRS),
        layout=layout,
        normalised_flux=(
            rows.parts((normalised,), first, wave.size)[0] if normalised and wanted.normalised else None
        ),
        file_size=wanted.file_size,
        whole=Coverage(
            wave_min=grid.wave_min,
            wave_max=grid.wave_max,
            n_pixels=grid.n_pixels,
            resolving_power=power,
            normalised=False,
            layout=layout,
            file_size=wanted.file_size,
        ),
    )


def _check_signal(flux: FloatArray, bad: BoolArray) -> None:
    """See that the part alone proves the whole to be neither empty nor constant."""
    if flux.size > 1 and not bad[:2].any() and flux[0] != flux[1]:
        return
    usable = flux[~bad]
    if usable.size < 2 or usable.min() == usable.max():
        raise Unexpected
