"""Text as people's programs write it, and files that are no spectra: read rightly, or refused with advice."""

from __future__ import annotations

import gzip
import io
import tarfile

import numpy as np
import pytest
from astropy.table import Table

from vo_emline.errors import DataError
from vo_emline.spectra import HALPHA_VAC, Spectrum, air_to_vacuum, read_bytes

GRID = 6300.0 + 0.5 * np.arange(1000)
VAC = np.asarray(air_to_vacuum(GRID))
AIR = 1 + np.exp(-0.5 * ((VAC - HALPHA_VAC) / 2.5) ** 2)
HERE = (83.822, -5.391)
EVENING = 59278.833333333


def is_at_halpha(spectrum: Spectrum) -> bool:
    near = np.abs(spectrum.wavelength_vac - HALPHA_VAC) < 25
    wave, above = spectrum.wavelength_vac[near], spectrum.flux[near] - 1
    return abs(float((wave * above).sum() / above.sum()) - HALPHA_VAC) < 0.05


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("x.fits"), io.BytesIO())
    return gzip.compress(buffer.getvalue(), mtime=0)


DOUBLED = np.sort([*GRID, GRID[50]])
ORDERS = np.concatenate([start + 0.1 * np.arange(1200) for start in (6400, 6500, 6600)])


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (tarred(), "unpack it"),
        (b"\x1f\x9d\x90abc", "uncompress it"),
        (b"\x28\xb5\x2f\xfdabc", "zstd -d"),
        (b"\x89HDF\r\n\x1a\nabc", "CSV or FITS"),
        (b'{"wave": [1, 2], "flux": [3, 4]}', "CSV or FITS"),
        (b"%PDF-1.5 abc", "a PDF document"),
        (b"\n<!DOCTYPE html><html><body>login</body></html>", "fetch it again"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:a\n", "git lfs pull"),
        ("\n".join(f"{w:.3f} {w % 7}" for w in ORDERS).encode(), "start again 2 times: overlapping orders"),
        ("\n".join(f"{w:.3f} {w % 7}" for w in DOUBLED).encode(), "1 wavelengths occur twice"),
    ],
)  # fmt: skip
def test_refusals_say_what_to_do(content: bytes, advice: str) -> None:
    with pytest.raises(DataError, match=advice):
        read_bytes(content, source="x")


ROWS = [f"{w:.3f} {f:.5f}" for w, f in zip(GRID, AIR, strict=True)]
COMMAS = [row.replace(" ", ",") for row in ROWS]
QUOTED = ['"' + row.replace(".", ",").replace(" ", '","') + '"' for row in ROWS]
CARDS = ["OBJECT  = 'HD 1    '", "DATE-OBS= '2021-03-05T20:00:00'  / UT", "EXPTIME =   0. / s", "END", ""]
BY_NAME = [
    "x,y",
    "λ (Å),F",
    "Lambda(A),I",
    "Observed Wavelength,Relative Intensity",
    "col1,col2",
    "波长,流量",
    "wl_A,I",
]


@pytest.mark.parametrize(
    "lines",
    [
        *([names, *COMMAS] for names in BY_NAME),
        ["sep=,", "wavelength,flux", *COMMAS],
        ["Wavelength,Flux", *QUOTED],
        [*ROWS, "\x1a"],
        [*ROWS, "END"],
        [f"{row}  # cosmic" if n % 100 == 3 else row for n, row in enumerate(ROWS)],
        [row.replace(" ", ",\t") for row in ROWS],
        ["Spectrum of HD 1", "by N.N.", "at home", "Lambda Flux", *ROWS],
        ["BITPIX  =    -32", "NAXIS   =     1", *CARDS, *ROWS],
    ],
)
def test_text_of_many_programs(lines: list[str]) -> None:
    assert is_at_halpha(read_bytes("\n".join(lines).encode(), source="x"))


@pytest.mark.parametrize(
    "names",
    ["velocity,flux", "wavenumber,flux", "MJD,mag", "id,value", "temperature,power", "channel,counts"],
)
def test_columns_that_are_no_wavelengths_are_not_taken_for_them(names: str) -> None:
    with pytest.raises(DataError, match="no wavelength and flux among columns"):
        read_bytes("\n".join([names, *COMMAS]).encode(), source="x")


def test_cards_without_marks_and_those_of_ecsv_say_who_and_when() -> None:
    who = read_bytes("\n".join([*CARDS, *ROWS]).encode(), source="x").identity
    assert (who.object_name, who.epoch_mjd) == ("HD 1", pytest.approx(EVENING))
    made = Table({"wavelength": GRID, "flux": AIR}, meta={"OBJECT": "HD 1", "RA": HERE[0], "DEC": HERE[1]})
    buffer = io.StringIO()
    made.write(buffer, format="ascii.ecsv")
    who = read_bytes(buffer.getvalue().encode(), source="x").identity
    assert (who.object_name, who.ra, who.dec) == ("HD 1", *HERE)
