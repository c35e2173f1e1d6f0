"""Ondřejov files as the archive delivers them, and the traps in their headers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from vo_emline.spectra import Spectrum, air_to_vacuum, read

TABLE = "ondrejov/td240024.fits"
V509_CAS = "ivo://asu.cas.cz/stel/ccd700/tg160037"


def test_air_wavelengths_of_a_table_become_vacuum(shared_data: Path) -> None:
    spectrum = read(shared_data / TABLE)
    with fits.open(shared_data / TABLE) as hdus:
        assert hdus[1].header.comments["TTYPE1"] == "Air wavelength"
        air = np.asarray(hdus[1].data["spectral"])
    assert spectrum.medium == "air"
    assert spectrum.wavelength_vac == pytest.approx(air_to_vacuum(air), abs=1e-9)
    assert spectrum.wavelength_vac[-1] == pytest.approx(6734.7, abs=0.1)


def test_absorption_core_lies_at_halpha_in_vacuum(shared_data: Path) -> None:
    spectrum = read(shared_data / "ondrejov/alpha-lyr-absorption.fits")
    core = spectrum.wavelength_vac[np.argmin(spectrum.flux)]
    assert core == pytest.approx(6564.6, abs=0.7)  # Vega: −14 km/s, and up to 30 km/s of the Earth


def test_normalised_flux_is_known_as_such_although_flux_cal_denies_it(shared_data: Path) -> None:
    tables = [path for path in sorted((shared_data / "ondrejov").iterdir()) if path.stat().st_size > 30_000]
    assert len(tables) == 21
    for path in tables:
        assert fits.getheader(path, 1)["FLUX_CAL"] == "UNCALIBRATED"
        assert read(path).normalised
    assert not read(shared_data / "ondrejov/oe270005.fits").normalised  # counts


@pytest.mark.parametrize(
    ("name", "pixels", "step"), [(TABLE, 1757, 0.2567), ("ondrejov/a201402030013.fits", 1953, 0.2309)]
)
def test_both_detectors(shared_data: Path, name: str, pixels: int, step: float) -> None:
    spectrum = read(shared_data / name)
    assert len(spectrum) == pixels
    assert np.median(np.diff(spectrum.wavelength_vac)) == pytest.approx(step, abs=2e-4)
    assert spectrum.resolving_power == 13_000
    assert spectrum.ivar is None


def test_identity_of_a_table(shared_data: Path) -> None:
    identity = read(shared_data / TABLE).identity
    assert identity.survey == "Ondrejov CCD700"
    assert identity.publisher_did == "ivo://asu.cas.cz/stel/ccd700/td240024"
    assert identity.object_name == "GALEX0639+5156"
    assert (identity.ra, identity.dec) == pytest.approx((99.9673623, 51.9491944))
    assert identity.epoch_mjd == pytest.approx(55310.8102083)
    assert identity.exposure_s == 1800


def of_v509_cas(spectrum: Spectrum) -> None:
    identity = spectrum.identity
    assert identity.publisher_did == V509_CAS
    assert identity.object_name == "HD217476"
    assert (identity.ra, identity.dec) == pytest.approx((345.02125, 56.945361))
    assert identity.exposure_s == 900


@pytest.mark.parametrize("name", ["spectrum.fit", "binary.vot", "tabledata.vot"])
def test_one_observation_in_three_formats_is_one_observation(shared_data: Path, name: str) -> None:
    """The raw header has DATE-OBS and TM_START, the others a *midpoint* that is the start."""
    raw = read(shared_data / "formats/spectrum.fit")
    spectrum = read(shared_data / "formats" / name)
    of_v509_cas(spectrum)
    assert spectrum.identity.epoch_mjd == pytest.approx(55393 + 82_853 / 86_400)
    assert spectrum.wavelength_vac == pytest.approx(raw.wavelength_vac, abs=1e-3)
    assert spectrum.flux == pytest.approx(raw.flux, rel=1e-5)


def test_positions_are_not_precessed_whatever_equinox_says(shared_data: Path) -> None:
    assert fits.getheader(shared_data / "ondrejov/ua280060.fits")["EQUINOX"] == pytest.approx(
        2011.08, abs=0.01
    )
    identity = read(shared_data / "ondrejov/ua280060.fits").identity
    # 17 Sex is at 10 10 07.5 −08 24 29 in J2000
    assert (identity.ra, identity.dec) == pytest.approx((152.5314, -8.4082), abs=1e-3)
