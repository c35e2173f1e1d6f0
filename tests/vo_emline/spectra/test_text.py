from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vo_emline.errors import DataError
from vo_emline.spectra import Spectrum, air_to_vacuum, read, read_bytes

WAVE = np.arange(6500.0, 6750.0, 0.5)
FLUX = 1 - 0.3 * np.exp(-0.5 * ((WAVE - 6562.8) / 5) ** 2)


def written(
    *, header: str = "", separator: str = ",", wave: np.ndarray = WAVE, newline: str = "\n"
) -> Spectrum:
    rows = [f"{w!r}{separator}{f!r}" for w, f in zip(wave.tolist(), FLUX.tolist(), strict=True)]
    return read_bytes((header + newline.join(rows) + newline).encode(), source="x.txt")


@pytest.mark.parametrize("name", ["spectrum.csv", "spectrum.txt", "spectrum.asc"])
def test_the_archives_text_formats(shared_data: Path, name: str) -> None:
    spectrum = read(shared_data / "formats" / name)
    assert len(spectrum) == 1997
    assert spectrum.medium == "air"
    assert spectrum.resolving_power == pytest.approx(12_784, abs=2)  # from the sampling
    assert spectrum.normalised == (name != "spectrum.txt")  # that one is in counts


@pytest.mark.parametrize("separator", [",", ";", "\t", " ", "   "])
def test_separators(separator: str) -> None:
    spectrum = written(separator=separator)
    assert spectrum.wavelength_vac == pytest.approx(air_to_vacuum(WAVE))
    assert np.array_equal(spectrum.flux, FLUX)


@pytest.mark.parametrize(
    ("header", "wave"),
    [
        ("wavelength,flux\n", WAVE),
        ("\ufeffWavelength [nm],Flux\r\n", WAVE / 10),
        ("# a comment\n'wave (um)','flux'\n".replace("'", '"'), WAVE / 1e4),
        ("loglam,flux\n", np.log10(WAVE)),
    ],
)
def test_header_lines_and_units(header: str, wave: np.ndarray) -> None:
    assert written(header=header, wave=wave).wavelength_vac == pytest.approx(air_to_vacuum(WAVE))


def test_a_column_named_vacuum_is_not_converted() -> None:
    spectrum = written(header="wavelength_vac,flux\n")
    assert spectrum.medium == "vacuum"
    assert np.array_equal(spectrum.wavelength_vac, WAVE)


def test_the_caller_knows_the_medium_better() -> None:
    rows = "\n".join(f"{w} {f}" for w, f in zip(WAVE, FLUX, strict=True))
    assert read_bytes(rows.encode(), source="x", medium="vacuum").wavelength_vac[0] == 6500


def test_metres_are_recognised_without_a_unit() -> None:
    assert written(wave=WAVE * 1e-10).wavelength_vac == pytest.approx(air_to_vacuum(WAVE))


def test_columns_in_another_order_with_inverse_variance_and_mask() -> None:
    """The CSV of LAMOST's own service: five columns, wavelengths in vacuum, told by their sampling."""
    wave = 10 ** (3.5682 + 1e-4 * np.arange(3909))
    rows = [f"{100 + i % 7},{0.04},{w:.4f},{int(i == 5)},0" for i, w in enumerate(wave)]
    content = "Flux,Inverse,Wavelength,Andmask,Ormask\n" + "\n".join(rows)
    spectrum = read_bytes(content.encode(), source="x.csv")
    assert spectrum.medium == "vacuum"
    assert spectrum.wavelength_vac == pytest.approx(wave, abs=1e-4)
    assert spectrum.ivar == pytest.approx(np.full(3909, 0.04))
    assert np.flatnonzero(spectrum.mask).tolist() == [5]
    assert spectrum.resolving_power == 1800


def test_comment_cards_tell_who_it_is() -> None:
    header = "# OBJECT = 'gamma Cas'\n# RA = 14.177 / deg\n# DEC = 60.717\n# DATE-OBS: 2011-11-22T18:59:31\n"
    identity = written(header=header.replace("'", "")).identity
    assert (identity.object_name, identity.ra, identity.dec) == ("gamma Cas", 14.177, 60.717)
    assert identity.epoch_mjd == pytest.approx(55887.7913310)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("1,2\n2,3\n", "too_short"),
        ("6563\n" * 50, "not_a_spectrum"),
        ("6563,1\n6564\n", "not_a_spectrum"),
        ("".join(f"{100 * np.sin(i)},{i}\n" for i in range(50)), "bad_wavelengths"),
        ("".join(f"{i},{i}\n" for i in range(50)), "bad_wavelengths"),
    ],
)
def test_tables_that_are_no_spectra(content: str, code: str) -> None:
    with pytest.raises(DataError) as caught:
        read_bytes(content.encode(), source="x")
    assert caught.value.code == code
