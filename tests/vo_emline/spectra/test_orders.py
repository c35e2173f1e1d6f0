"""Orders of an échelle in rows: the one that holds Hα whole is taken, and which one it is is said."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from vo_emline.errors import DataError
from vo_emline.spectra import HALPHA_VAC, Spectrum, read_all, read_bytes, vacuum_to_air
from vo_emline.spectra.several import spectra_in

N = 1200
WIDE, NARROW = 140.0, 50.0
"""Å per order."""


def orders(centres: list[float], width: float) -> tuple[Any, Any]:
    """Wavelengths in air and fluxes, shape (orders, pixels), with a line at Hα."""
    wave = np.array([centre + width * (np.arange(N) / (N - 1) - 0.5) for centre in centres])
    line = np.exp(-0.5 * ((wave - float(vacuum_to_air(HALPHA_VAC))) / 2) ** 2)
    blaze = 1 - 0.3 * ((wave - np.array(centres)[:, None]) / width * 2) ** 2
    return wave, blaze * (1 + line)


def multispec(centres: list[float], width: float) -> bytes:
    wave, flux = orders(centres, width)
    said = " ".join(
        f'spec{n} = "{n} {90 - n} 0 {one[0]:.8f} {one[1] - one[0]:.10f} {N} 0. {n}. {n + 5}."'
        for n, one in enumerate(wave, start=1)
    )
    whole = "wtype=multispec " + said
    header = fits.Header({"WCSDIM": 2, "CTYPE1": "MULTISPE", "CTYPE2": "MULTISPE"})
    header["WAT0_001"] = "system=multispec"
    header["WAT1_001"] = "wtype=multispec label=Wavelength units=angstroms"
    for n, start in enumerate(range(0, len(whole), 68), start=1):
        header[f"WAT2_{n:03d}"] = whole[start : start + 68]
    header["RA"], header["DEC"], header["OBJECT"] = 14.177, 60.717, "gam Cas"
    return written(fits.PrimaryHDU(flux.astype("f4"), header=header))


def vectors(centres: list[float], width: float) -> bytes:
    wave, flux = orders(centres, width)
    columns = [fits.Column("ORDER", "J", array=np.arange(len(wave)))]
    columns += [fits.Column(n, f"{N}D", array=a) for n, a in (("WAVELENGTH", wave), ("FLUX", flux))]
    return written(fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns))


def written(*hdus: Any) -> bytes:
    buffer = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(buffer)
    return buffer.getvalue()


def line_of(spectrum: Spectrum) -> float:
    near = np.abs(spectrum.wavelength_vac - HALPHA_VAC) < 8
    wave, flux = spectrum.wavelength_vac[near], spectrum.flux[near]
    above = flux - np.median(spectrum.flux)
    return float((wave * above)[above > above.max() / 2].sum() / above[above > above.max() / 2].sum())


@pytest.mark.parametrize("write", [multispec, vectors])
@pytest.mark.parametrize(
    ("centres", "row"),
    [
        ([6300.0, 6420.0, 6540.0, 6660.0, 6780.0], 3),
        ([6780.0, 6660.0, 6540.0, 6420.0, 6300.0], 3),
        ([6480.0 + 85 * n for n in range(4)], 2),  # two orders overlap at the line: the one that has it amid
        ([5000.0 + 120 * n for n in range(30)], 14),
    ],
)
def test_the_order_with_halpha_is_taken_and_said(write: Any, centres: list[float], row: int) -> None:
    content = write(centres, WIDE)
    spectrum = read_bytes(content, source="x")
    assert spectrum.layout.endswith(f", order in row {row} of {len(centres)}")
    assert abs(line_of(spectrum) - HALPHA_VAC) < 0.2
    assert read_bytes(content, source="x", row=1).wavelength_vac[0] == pytest.approx(
        centres[0] - WIDE / 2, abs=3
    )


@pytest.mark.parametrize("write", [multispec, vectors])
def test_an_echelle_is_one_spectrum_of_a_survey_and_each_order_when_asked(tmp_path: Path, write: Any) -> None:
    path = tmp_path / "x.fits"
    path.write_bytes(write([6420.0, 6540.0, 6660.0], WIDE))
    assert list(spectra_in(path)) == [str(path)]
    assert list(spectra_in(path, each=True)) == [f"{path}#row={n}" for n in (1, 2, 3)]
    assert [round(one.wavelength_vac.mean()) for one in read_all(path)] == [6422, 6542, 6662]


def test_rows_that_name_their_stars_are_no_orders(tmp_path: Path) -> None:
    wave, flux = orders([6420.0, 6540.0, 6660.0], WIDE)
    columns = [fits.Column("OBJECT", "4A", array=["A", "B", "C"])]
    columns += [fits.Column(n, f"{N}D", array=a) for n, a in (("WAVELENGTH", wave), ("FLUX", flux))]
    content = written(fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns))
    with pytest.raises(DataError, match="it holds 3 spectra"):
        read_bytes(content, source="x")


@pytest.mark.parametrize("write", [multispec, vectors])
@pytest.mark.parametrize(
    ("centres", "width"),
    [
        ([6540.0, 6540.0, 6540.0], WIDE),  # three stars
        ([6520.0, 6560.0, 6600.0], NARROW),  # no order holds both continua
        ([5000.0, 5100.0, 5200.0], WIDE),  # none is at the line
    ],
)
def test_rows_that_are_no_orders_or_not_whole_are_not_chosen_from(
    write: Any, centres: list[float], width: float
) -> None:
    with pytest.raises(DataError, match="it holds 3 spectra"):
        read_bytes(write(centres, width), source="x")
