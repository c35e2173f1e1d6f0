from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.products.calibration import FluxCalibration, calibrated
from vo_emline.errors import DataError
from vo_emline.spectra import HALPHA_VAC, Identity, Spectrum

WAVELENGTH = np.arange(6300.0, 6750.0, 0.5)
LINE = 1 + 2 * np.exp(-0.5 * ((WAVELENGTH - HALPHA_VAC) / 3) ** 2)
CONTINUUM = 400 + 0.1 * (WAVELENGTH - 6300)


def spectrum(**changes: object) -> Spectrum:
    made = Spectrum(
        wavelength_vac=WAVELENGTH,
        flux=CONTINUUM * LINE,
        ivar=np.full(WAVELENGTH.size, 0.25),
        mask=np.zeros(WAVELENGTH.size, dtype=bool),
        resolving_power=1800,
        identity=Identity(source="a.fits", survey="LAMOST LRS"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_as_stored_means_untouched() -> None:
    scaled = calibrated(spectrum(), FluxCalibration.UNCALIBRATED)
    np.testing.assert_array_equal(scaled.flux, CONTINUUM * LINE)
    np.testing.assert_allclose(scaled.error, 2.0)
    assert scaled.calibration == "RELATIVE"  # what LAMOST's flux is


def test_counts_of_ondrejov_are_uncalibrated_and_named_as_fits_names_them() -> None:
    raw = spectrum(identity=Identity(source="a.fits", survey="Ondrejov CCD700"), flux_unit="ADU")
    scaled = calibrated(raw, FluxCalibration.UNCALIBRATED)
    assert (scaled.calibration, scaled.unit) == ("UNCALIBRATED", "adu")


def test_normalised_by_medians_puts_the_continuum_at_one() -> None:
    scaled = calibrated(spectrum(), FluxCalibration.NORMALIZED)
    np.testing.assert_allclose(scaled.flux, LINE, rtol=0.01)
    np.testing.assert_allclose(scaled.error, 2.0 / CONTINUUM, rtol=0.01)
    assert (scaled.calibration, scaled.unit) == ("NORMALIZED", "")
    assert "pseudo-continuum" in scaled.history


def test_the_pipelines_own_normalisation_is_preferred() -> None:
    scaled = calibrated(spectrum(normalised_flux=LINE), FluxCalibration.NORMALIZED)
    np.testing.assert_array_equal(scaled.flux, LINE)
    np.testing.assert_allclose(scaled.error, 2.0 / CONTINUUM)
    assert "pipeline" in scaled.history


@pytest.mark.parametrize("wanted", [FluxCalibration.UNCALIBRATED, FluxCalibration.NORMALIZED])
def test_a_normalised_spectrum_stays_normalised_and_says_so(wanted: FluxCalibration) -> None:
    scaled = calibrated(spectrum(flux=LINE, normalised=True, ivar=None), wanted)
    np.testing.assert_array_equal(scaled.flux, LINE)
    assert scaled.calibration == "NORMALIZED"
    assert scaled.error is None


def test_relative_divides_by_the_greatest_good_value() -> None:
    mask = np.zeros(WAVELENGTH.size, dtype=bool)
    mask[0] = True
    flux = CONTINUUM * LINE
    flux[0] = 1e9
    scaled = calibrated(spectrum(flux=flux, mask=mask), FluxCalibration.RELATIVE)
    assert np.nanmax(scaled.flux[1:]) == 1.0
    assert scaled.calibration == "RELATIVE"


def test_the_error_is_unknown_where_the_inverse_variance_is_zero() -> None:
    # LAMOST DR1 has zeros on strong emission: the flux stays, only its error is not known
    ivar = np.where(LINE > 2, 0.0, 0.25)
    scaled = calibrated(spectrum(ivar=ivar), FluxCalibration.UNCALIBRATED)
    assert scaled.error is not None
    assert np.isnan(scaled.error[LINE > 2]).all()
    assert np.isfinite(scaled.flux).all()


@pytest.mark.parametrize("wanted", [FluxCalibration.RELATIVE, FluxCalibration.NORMALIZED])
def test_a_spectrum_without_positive_flux_cannot_be_scaled(wanted: FluxCalibration) -> None:
    with pytest.raises(DataError, match="no positive flux"):
        calibrated(spectrum(flux=-CONTINUUM), wanted)
