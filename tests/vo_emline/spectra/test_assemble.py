from __future__ import annotations

import numpy as np
import pytest

from vo_emline.errors import DataError
from vo_emline.spectra import Identity, Spectrum
from vo_emline.spectra.assemble import assemble, looks_normalised, sampling_limit

WAVE = np.arange(6500.0, 6600.0)
FLUX = 100 + np.sin(WAVE)


def made(wave: np.ndarray = WAVE, flux: np.ndarray = FLUX, **more: object) -> Spectrum:
    settings = {"identity": Identity(source="f"), "layout": "x", "medium": "vacuum", "resolving_power": None}
    return assemble(wave, flux, **(settings | more))  # type: ignore[arg-type]


def test_descending_arrays_are_turned_round_together() -> None:
    ivar, mask = np.arange(100.0), np.arange(100) == 3
    spectrum = made(WAVE[::-1], FLUX[::-1], ivar=ivar[::-1], mask=mask[::-1])
    assert np.array_equal(spectrum.wavelength_vac, WAVE)
    assert np.array_equal(spectrum.flux, FLUX)
    assert np.array_equal(spectrum.ivar, ivar)  # type: ignore[arg-type]
    assert np.array_equal(spectrum.mask, mask)


def test_pixels_without_a_wavelength_are_dropped() -> None:
    assert len(made(np.where(WAVE > 6590, np.nan, WAVE))) == 91


def test_senseless_inverse_variances_are_unknown() -> None:
    ivar = np.full(100, 2.0)
    ivar[:4] = [-1, np.nan, np.inf, 0]
    assert made(ivar=ivar).ivar.tolist() == [0, 0, 0, 0, *[2.0] * 96]  # type: ignore[union-attr]


def test_absurd_fluxes_are_masked() -> None:
    flux = FLUX.copy()
    flux[:3] = [1e300, -np.inf, np.nan]
    assert np.flatnonzero(made(flux=flux).mask).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("wave", "code"),
    [
        (np.where(WAVE == 6550, 6549.0, WAVE), "bad_wavelengths"),  # one twice
        (WAVE[:99], "bad_wavelengths"),
        (WAVE - 6500, "bad_wavelengths"),  # pixel numbers
        (np.full(100, np.nan), "too_short"),
    ],
)
def test_wavelengths_that_cannot_be(wave: np.ndarray, code: str) -> None:
    with pytest.raises(DataError) as caught:
        made(wave)
    assert (caught.value.code, caught.value.source) == (code, "f")


def test_everything_flagged_is_no_data() -> None:
    with pytest.raises(DataError, match="no_data"):
        made(mask=np.ones(100, dtype=bool))


def test_resolving_power_from_the_sampling() -> None:
    # 0.2567 Å per pixel; the instrument has 13 000
    assert sampling_limit(np.arange(6282.0, 6733.0, 0.2567)) == pytest.approx(12_786, abs=5)
    assert made(resolving_power=500.0).resolving_power == 500


def test_normalised_is_told_by_the_median() -> None:
    assert looks_normalised(1 + 3 * np.exp(-0.5 * ((WAVE - 6563) / 5) ** 2))
    assert not looks_normalised(FLUX)
    assert not looks_normalised([np.nan])
