from __future__ import annotations

import numpy as np
import pytest

from vo_emline.errors import DataError
from vo_emline.spectra.columns import ColumnInfo, roles, stated_medium, to_angstrom
from vo_emline.spectra.table import is_lamost_sampling


def named(*names: str) -> list[ColumnInfo]:
    return [ColumnInfo(name=name) for name in names]


def test_utype_beats_ucd_beats_name() -> None:
    columns = [
        ColumnInfo(name="flux", utype="spec:Spectrum.Data.SpectralAxis.Value"),
        ColumnInfo(name="wave", ucd="phot.flux.density;em.wl"),
        ColumnInfo(name="sigma", ucd="stat.error;phot.flux.density"),
    ]
    assert roles(columns) == {"wavelength": 0, "flux": 1, "error": 2}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("Wavelength", "FLUX", "ivar", "ANDMASK"), {"wavelength": 0, "flux": 1, "ivar": 2, "mask": 3}),
        (("loglam", "flux"), {"wavelength": 0, "flux": 1}),
        (("flux", "error", "wave_air"), {"flux": 0, "error": 1, "wavelength": 2}),
        (("lambda", "flux", "flux_norm"), {"wavelength": 0, "flux": 1, "normalised_flux": 2}),
        (("", "", ""), {"wavelength": 0, "flux": 1}),
        (("ra", "dec"), {}),
        (("", "flux"), {"flux": 1}),
    ],
)
def test_names_of_columns(names: tuple[str, ...], expected: dict[str, int]) -> None:
    assert roles(named(*names)) == expected


@pytest.mark.parametrize(
    ("value", "unit"), [(6563, "Angstrom"), (656.3, "nm"), (0.6563, "um"), (6.563e-7, "m")]
)
def test_units_stated_and_not(value: float, unit: str) -> None:
    for stated in (unit, ""):
        column = ColumnInfo(name="wave", unit=stated)
        assert to_angstrom([value], column, source="x") == pytest.approx([6563])


def test_logarithms_of_angstroms() -> None:
    assert to_angstrom([3.8171], ColumnInfo(name="LOGLAM"), source="x") == pytest.approx([6563], abs=0.5)


def test_other_axes_are_refused() -> None:
    with pytest.raises(DataError, match="keV"):
        to_angstrom([1.0], ColumnInfo(name="energy", unit="keV"), source="x")


@pytest.mark.parametrize(
    ("said", "medium"),
    [
        ("Air wavelength", "air"),
        ("wavelength in vacuum", "vacuum"),
        ("Wavelength", None),
        ("the fairest", None),
    ],
)
def test_medium_in_words(said: str, medium: str | None) -> None:
    assert stated_medium(ColumnInfo(name="spectral", description=said)) == medium


def test_the_sampling_of_lamost_is_its_own() -> None:
    assert is_lamost_sampling(10 ** (3.5682 + 1e-4 * np.arange(3909)))
    assert not is_lamost_sampling(np.arange(3700.0, 9100.0, 1.5))
    assert not is_lamost_sampling(10 ** (3.5682 + 2e-4 * np.arange(2500)))
