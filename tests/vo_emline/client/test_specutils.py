"""The bridge to specutils, with the real package and real LAMOST files."""

from pathlib import Path

import numpy as np
import pytest
from astropy import units as u

pytest.importorskip("specutils")

import specutils

from vo_emline.client.specutils import LOADER, lamost_loader, to_spectrum_list, to_specutils
from vo_emline.spectra import HALPHA_VAC, read


@pytest.fixture(params=["dr1/*.fits", "dr2/*.fits", "dr10/*.fits.gz", "mrs/*.fits*"])
def lamost_file(request: pytest.FixtureRequest, shared_data: Path) -> Path:
    return min((shared_data / "lamost").glob(request.param))


def test_specutils_opens_every_lamost_layout(lamost_file: Path) -> None:
    ours = read(lamost_file)
    theirs = specutils.Spectrum.read(str(lamost_file), format=LOADER)
    assert theirs.spectral_axis.unit == u.AA
    np.testing.assert_array_equal(theirs.spectral_axis.value, ours.wavelength_vac)
    np.testing.assert_array_equal(theirs.flux.value, ours.flux)
    assert theirs.meta["wavelength_medium"] == "vacuum"
    assert theirs.meta["layout"] == ours.layout


def test_lamost_files_are_recognised_without_being_told(shared_data: Path) -> None:
    path = min((shared_data / "lamost" / "dr6-dr7").glob("*.fits"))
    spectrum = specutils.Spectrum.read(str(path))
    assert spectrum.meta["survey"] == "LAMOST LRS"


def test_open_files_are_read_too(lamost_file: Path) -> None:
    with lamost_file.open("rb") as stream:
        spectrum = lamost_loader(stream)
    assert spectrum.meta["source"] == str(lamost_file)


def test_other_files_are_left_to_others(shared_data: Path) -> None:
    path = min((shared_data / "ondrejov").glob("*.fits"))
    assert LOADER not in specutils.io.registers.identify_spectrum_format(str(path))


def test_halpha_stays_where_it_is(stars: list[Path]) -> None:
    spectrum = to_specutils(read(stars[1]))
    peak = spectrum.spectral_axis[np.argmax(spectrum.flux)]
    assert peak.to_value(u.AA) == pytest.approx(HALPHA_VAC, abs=2)


def test_uncertainty_and_mask_come_along(stars: list[Path]) -> None:
    ours = read(stars[0])
    assert ours.ivar is not None
    theirs = to_specutils(ours)
    np.testing.assert_array_equal(theirs.uncertainty.array, ours.ivar)
    assert theirs.uncertainty.uncertainty_type == "ivar"
    np.testing.assert_array_equal(theirs.mask, ours.mask)
    assert theirs.meta["obsid"] == 101


def test_many_become_a_list(stars: list[Path]) -> None:
    spectra = to_spectrum_list(map(read, stars))
    assert isinstance(spectra, specutils.SpectrumList)
    assert len(spectra) == len(stars)
