"""FITS files of other programs: IRAF, specutils, the spectrum data model."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from vo_emline.errors import DataError, UserError
from vo_emline.spectra import Spectrum, air_to_vacuum, read_bytes

WAVE = np.linspace(6300.0, 6800.0, 1001)
FLUX = 1 - 0.3 * np.exp(-0.5 * ((WAVE - 6562.8) / 5) ** 2)


def file_of(*hdus: Any) -> bytes:
    buffer = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(buffer)
    return buffer.getvalue()


def image(data: np.ndarray = FLUX, **cards: Any) -> Spectrum:
    hdu = fits.PrimaryHDU(np.asarray(data, dtype=np.float32))
    hdu.header.update(
        {key.replace("_", "-") if key == "DC_FLAG" else key: card for key, card in cards.items()}
    )
    return read_bytes(file_of(hdu), source="x.fits")


def test_linear_image_in_air() -> None:
    spectrum = image(CRVAL1=6300.0, CDELT1=0.5)
    assert spectrum.wavelength_vac == pytest.approx(air_to_vacuum(WAVE))
    assert spectrum.layout == "fits-image"


def test_reference_pixel_and_cd_matrix_count() -> None:
    assert image(CRVAL1=6550.0, CRPIX1=501.0, CD1_1=0.5).wavelength_vac == pytest.approx(air_to_vacuum(WAVE))


def test_ctype_states_the_medium_and_cunit_the_unit() -> None:
    """As specutils writes it (wcs1d-fits)."""
    spectrum = image(CTYPE1="WAVE", CUNIT1="m", CRVAL1=6.3e-7, CDELT1=5e-11)
    assert spectrum.medium == "vacuum"
    assert spectrum.wavelength_vac == pytest.approx(WAVE)
    assert image(CTYPE1="AWAV", CRVAL1=6300.0, CDELT1=0.5).medium == "air"


def test_logarithmic_axes() -> None:
    iraf = image(CRVAL1=3.8, CDELT1=2e-5, DC_FLAG=1, CTYPE1="LINEAR")
    assert iraf.wavelength_vac == pytest.approx(air_to_vacuum(10 ** (3.8 + 2e-5 * np.arange(1001))))
    standard = image(CTYPE1="WAVE-LOG", CRVAL1=6300.0, CDELT1=0.5)
    assert standard.wavelength_vac == pytest.approx(6300 * np.exp(0.5 * np.arange(1001) / 6300))


def test_iraf_bands_give_the_first() -> None:
    bands = np.stack([FLUX, 2 * FLUX, 3 * FLUX, 4 * FLUX])[:, None, :]
    assert image(bands, CRVAL1=6300.0, CDELT1=0.5).flux == pytest.approx(FLUX, rel=1e-6)


@pytest.mark.parametrize(
    ("data", "cards", "code"),
    [
        (np.ones((40, 50)), {"CRVAL1": 1.0, "CDELT1": 1.0}, "not_a_spectrum"),  # a picture
        (FLUX, {}, "not_a_spectrum"),  # no dispersion
        (FLUX, {"CDELT1": 0.5}, "no_wavelengths"),
        (FLUX, {"CTYPE1": "FREQ", "CRVAL1": 1e9, "CDELT1": 1e6}, "no_wavelengths"),
        (FLUX, {"CRVAL1": 1.0, "CDELT1": 1.0}, "bad_wavelengths"),  # pixel numbers
    ],
)
def test_images_that_are_no_spectra(data: np.ndarray, cards: dict[str, Any], code: str) -> None:
    with pytest.raises(DataError) as caught:
        image(data, **cards)
    assert caught.value.code == code


def table(columns: list[fits.Column], name: str = "", **cards: Any) -> fits.BinTableHDU:
    hdu = fits.BinTableHDU.from_columns(columns, name=name)
    hdu.header.update(cards)
    return hdu


def test_specutils_table() -> None:
    hdu = table(
        [
            fits.Column("wavelength", "D", unit="Angstrom", array=WAVE),
            fits.Column("flux", "D", unit="Jy", array=FLUX),
            fits.Column("uncertainty", "D", unit="Jy", array=np.full(WAVE.size, 0.1)),
        ]
    )
    spectrum = read_bytes(file_of(fits.PrimaryHDU(), hdu), source="x", medium="vacuum")
    assert np.array_equal(spectrum.wavelength_vac, WAVE)
    assert spectrum.ivar == pytest.approx(np.full(WAVE.size, 100.0))
    assert spectrum.flux_unit == "Jy"


@pytest.mark.parametrize("kind", ["1001D", "PD()"])
def test_spectrum_data_model_with_one_row_of_vectors(kind: str) -> None:
    """Fixed and variable length; the resolving power is that of the header."""
    hdu = table(
        [fits.Column("WAVE", kind, unit="nm", array=[WAVE / 10]), fits.Column("FLUX", kind, array=[FLUX])],
        SPEC_RP=20_000.0,
        TITLE="heros/data/x.fit",
        OBJECT="4 Her",
    )
    spectrum = read_bytes(file_of(fits.PrimaryHDU(), hdu), source="x")
    assert spectrum.wavelength_vac == pytest.approx(air_to_vacuum(WAVE))
    assert spectrum.flux == pytest.approx(FLUX)
    assert (spectrum.resolving_power, spectrum.identity.survey) == (20_000, "Ondrejov HEROS")
    assert spectrum.identity.object_name == "4 Her"


def test_the_table_of_a_file_is_found_behind_others() -> None:
    catalogue = table([fits.Column("ra", "D", array=[1.0]), fits.Column("dec", "D", array=[2.0])], "CAT")
    first = table([fits.Column("wave", "D", array=WAVE), fits.Column("flux", "D", array=FLUX)], "ONE")
    second = table([fits.Column("wave", "D", array=WAVE), fits.Column("flux", "D", array=2 * FLUX)], "TWO")
    alone = file_of(fits.PrimaryHDU(), catalogue, first)
    assert read_bytes(alone, source="x").flux == pytest.approx(FLUX)
    content = file_of(fits.PrimaryHDU(), catalogue, first, second)
    with pytest.raises(DataError, match=r"it holds 2 spectra; name one of them \(x\[2\], x\[3\]\)"):
        read_bytes(content, source="x")
    assert read_bytes(content, source="x", extension="two").flux == pytest.approx(2 * FLUX)
    assert read_bytes(content, source="x", extension=3).flux == pytest.approx(2 * FLUX)
    with pytest.raises(UserError, match="no spectrum in extension 'CAT'; it has PRIMARY, CAT, ONE, TWO"):
        read_bytes(content, source="x", extension="CAT")


def test_a_table_without_fluxes_is_no_spectrum() -> None:
    hdu = table([fits.Column("ra", "D", array=[1.0]), fits.Column("dec", "D", array=[2.0])])
    with pytest.raises(DataError, match="not_a_spectrum"):
        read_bytes(file_of(fits.PrimaryHDU(), hdu), source="x")
