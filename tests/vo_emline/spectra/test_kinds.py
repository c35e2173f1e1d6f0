"""What people's files say in many ways: medium, position, dispersion, epoch, text, containers."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from vo_emline.errors import DataError
from vo_emline.spectra import HALPHA_VAC, PassedOver, Spectrum, find_spectra, read, read_bytes, vacuum_to_air

VAC = 6300.0 + 0.5 * np.arange(1000)
LINEAR = {"CRVAL1": 6300.0, "CDELT1": 0.5, "CRPIX1": 1.0}
SAYS_AIR = {"CTYPE1": "AWAV"}


def star(vac: Any) -> Any:
    wave = np.asarray(vac, dtype=float)
    return 1 + np.exp(-0.5 * ((wave - HALPHA_VAC) / 3) ** 2) + 0.001 * np.sin(wave * 9)


FLUX = star(VAC)
HERE = (83.822, -5.391)
SHIFTED = star(np.interp(VAC, vacuum_to_air(VAC), VAC))
"""The same star on wavelengths in air."""


def image(flux: Any = FLUX, comments: dict[str, str] | None = None, **cards: Any) -> Spectrum:
    return read_bytes(file_of(flux, comments, **cards), source="x")


def file_of(flux: Any = FLUX, comments: dict[str, str] | None = None, **cards: Any) -> bytes:
    hdu = fits.PrimaryHDU(np.asarray(flux, dtype=np.float32))
    for key, value in cards.items():
        hdu.header[key.replace("__", "-")] = value
    for key, said in (comments or {}).items():
        hdu.header.comments[key] = said
    buffer = io.BytesIO()
    hdu.writeto(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("cards", "medium"),
    [
        ({"CTYPE1": "Wavelength"}, None),
        ({"CTYPE1": "WAVELENGTH"}, None),
        ({"CTYPE1": "LAMBDA"}, None),
        ({"CTYPE1": "WAVE"}, "vacuum"),
        ({"CTYPE1": "WAVE-TAB"}, "vacuum"),
        ({"CTYPE1": "AWAV-GRI"}, "air"),
        ({"VACUUM": True}, "vacuum"),
        ({"VACUUM": 1}, "vacuum"),
        ({"VACUUM": "T"}, "vacuum"),
        ({"VACUUM": False}, "air"),
        ({"AIRORVAC": "vac"}, "vacuum"),
        ({"AIRORVAC": "AIR"}, "air"),
        ({"HISTORY": "wavelengths converted to vacuum"}, "vacuum"),
        ({"HISTORY": "wavelength solution: vacuum to air"}, "air"),
        ({"COMMENT": "wavelengths are in air"}, "air"),
        ({"COMMENT": "Air mass 1.2, air temperature 7, wavelength solution of 40 lines"}, None),
        ({"CTYPE1": "AWAV", "VACUUM": True}, "air"),  # the axis itself before a card
        ({"BSS_SITE": "garden", "VACUUM": True}, "vacuum"),  # a card before the survey
    ],
)
def test_the_medium_of_images(cards: dict[str, Any], medium: str | None) -> None:
    spectrum = image(**LINEAR, **cards)
    assert spectrum.medium == (medium or "air")
    assert ("medium_assumed" in spectrum.flags) == (medium is None)


def test_the_word_of_the_user_counts_first() -> None:
    stated = read_bytes(file_of(**LINEAR, **SAYS_AIR), source="x", medium="vacuum")
    assert (stated.medium, stated.flags) == ("vacuum", ())
    assert stated.wavelength_vac[0] == 6300


@pytest.mark.parametrize(
    ("header", "medium"),
    [
        ("wavelength,flux\n", None),
        ("wave_vac,flux\n", "vacuum"),
        ("lambda_air,flux\n", "air"),
        ("wavelength (vacuum Angstrom),flux\n", "vacuum"),
        ("# wavelength in vacuum, Angstrom\nwavelength,flux\n", "vacuum"),
        ("# VACUUM = T\nwavelength,flux\n", "vacuum"),
        ("# observed under vacuum pressure 1e-5; dispersion 0.5\nwavelength,flux\n", None),
    ],
)
def test_the_medium_of_text(header: str, medium: str | None) -> None:
    spectrum = text(header)
    assert spectrum.medium == (medium or "air")
    assert ("medium_assumed" in spectrum.flags) == (medium is None)


@pytest.mark.parametrize("digits", [1, 2, 4])
@pytest.mark.parametrize("part", [slice(0, None), slice(400, 900), slice(0, None, 1)])
def test_the_sampling_of_sdss_shows_where_it_is_cut_and_rounded(digits: int, part: slice) -> None:
    wave = 10 ** (3.7 + 1e-4 * np.arange(2000))[part]
    rows = [f"{w:.{digits}f},{f:.5f}" for w, f in zip(wave, star(wave), strict=True)]
    del rows[40]  # a pixel without a value was left out
    spectrum = read_bytes("\n".join(["Wavelength,Flux", *rows]).encode(), source="x")
    assert (spectrum.medium, spectrum.flags) == ("vacuum", ())


def test_other_samplings_show_nothing() -> None:
    for wave in (VAC, 10 ** (3.7 + 2e-4 * np.arange(1000)), 10 ** (3.7 + 1.003e-4 * np.arange(1000))):
        rows = "\n".join(f"{w:.4f},{f:.5f}" for w, f in zip(wave, star(wave), strict=True))
        assert read_bytes(rows.encode(), source="x").medium == "air"


@pytest.mark.parametrize(
    ("cards", "comments", "place"),
    [
        ({"RA": 83.822, "DEC": -5.391}, {}, (83.822, -5.391)),
        ({"RA": 5.588133, "DEC": -5.391}, {"RA": "[hours] right ascension"}, (83.822, -5.391)),
        ({"RA": 5.588133, "DEC": -5.391}, {"RA": "Right ascension (h)"}, (83.822, -5.391)),
        ({"RA": "05:35:17.28", "DEC": "-05:23:27.6"}, {}, (83.822, -5.391)),
        ({"RA": "05 35 17.28", "DEC": "-05 23 27.6"}, {}, (83.822, -5.391)),
        ({"RA": "5h35m17.28s", "DEC": "-5d23m27.6s"}, {}, (83.822, -5.391)),
        ({"RA": "83:49:19.2", "DEC": "-05:23:27.6"}, {"RA": "[deg]"}, (83.822, -5.391)),
        ({"RA": "83.822", "DEC": "-0:23:27.6"}, {}, (83.822, -0.391)),
        (
            {"OBJCTRA": "05 35 17.28", "OBJCTDEC": "-05 23 27.6", "RA": 84.9, "DEC": -5.0},
            {},
            (83.822, -5.391),
        ),
        ({"PLUG_RA": 83.822, "PLUG_DEC": -5.391, "RA": 85.0, "DEC": -5.0}, {}, (83.822, -5.391)),
        ({"RA_OBS": 83.822, "DEC_OBS": -5.391}, {}, (83.822, -5.391)),
        ({"RA": 83.209, "DEC": -5.4240, "RADESYS": "FK4", "EQUINOX": 1950.0}, {}, (83.822, -5.3915)),
        ({"RA": 83.209, "DEC": -5.4240, "EQUINOX": 1950.0}, {}, (83.822, -5.3915)),
        ({"RA": 83.822, "DEC": -5.391, "EQUINOX": 2021.7}, {}, (83.822, -5.391)),
        ({"RA": 83.822}, {}, (None, None)),
        ({"RA": 83.822, "DEC": -91.0}, {}, (None, None)),
        (
            {"RA": 361.0, "DEC": 3.0, "OBJCTRA": "05 35 17.28", "OBJCTDEC": "-05 23 27.6"},
            {},
            (83.822, -5.391),
        ),
    ],
)
def test_positions(cards: dict[str, Any], comments: dict[str, str], place: tuple[float | None, ...]) -> None:
    who = image(comments=comments, **LINEAR, **SAYS_AIR, **cards).identity
    assert (who.ra, who.dec) == pytest.approx(place, abs=2e-3)


@pytest.mark.parametrize(
    ("flux", "cards"),
    [
        (SHIFTED, {"CRVAL1": 6300.0, "CDELT1": 1.0, "CD1_1": 0.5}),
        (SHIFTED, {"CRVAL1": 6300.0, "CDELT1": 0.25, "PC1_1": 2.0}),
        (SHIFTED, {"CRVAL1": 630.0, "CDELT1": 0.05, "CUNIT1": "nm"}),
        (SHIFTED, {"CRVAL1": 0.63, "CDELT1": 5e-5, "CUNIT1": "um"}),
        (SHIFTED, {"CRVAL1": 6300.0, "CDELT1": 0.5, "CUNIT1": "0.1 nm"}),
        (SHIFTED, {"CRVAL1": 6799.5, "CDELT1": -0.5, "REVERSED": True}),
        (10.0, {"CRVAL1": 3.8, "CDELT1": 2e-5}),
        (10.0, {"CRVAL1": 3.8, "CDELT1": 2e-5, "CUNIT1": "log(Angstrom)", "CTYPE1": "LINEAR"}),
        (10.0, {"COEFF0": 3.8, "COEFF1": 2e-5}),
        (10.0, {"CRVAL1": 3.8, "CD1_1": 2e-5, "DC__FLAG": 1, "CTYPE1": "LINEAR"}),
        (np.e, {"CRVAL1": 8.7483, "CDELT1": 7e-5}),
    ],
)
def test_dispersions(flux: Any, cards: dict[str, Any]) -> None:
    values = flux
    if np.isscalar(flux):
        start, step = (cards.get(a, cards.get(b)) for a, b in (("CRVAL1", "COEFF0"), ("CDELT1", "CD1_1")))
        axis = float(flux) ** (start + (step or cards.get("COEFF1")) * np.arange(1000))
        values = star(np.interp(axis, vacuum_to_air(VAC), VAC))
    elif cards.pop("REVERSED", False):
        values = flux[::-1]
    spectrum = image(values, **cards, VACUUM=False)
    peak = spectrum.wavelength_vac[np.argmax(spectrum.flux)]
    assert peak == pytest.approx(HALPHA_VAC, abs=0.5)


def test_apertures_of_a_multispec_image_are_spectra_of_their_own() -> None:
    words = 'wtype=multispec spec1 = "1 1 0 6300. 0.5 1000 0. 1. 2." spec2 = "2 1 2 0. 0. 1000 0. 1. 2. 1. 0. 1 2 1. 1000. 6549.75 249.75"'  # noqa: E501
    cards = {f"WAT2_{i // 68 + 1:03d}": words[i : i + 68] for i in range(0, len(words), 68)}
    content = file_of(np.stack([SHIFTED, SHIFTED]), CTYPE1="MULTISPE", WAT0_001="system=multispec", **cards)
    with pytest.raises(DataError, match="it holds 2 spectra"):
        read_bytes(content, source="x")
    linear, chebyshev = (read_bytes(content, source="x", row=row) for row in (1, 2))
    assert chebyshev.wavelength_vac == pytest.approx(linear.wavelength_vac, abs=1e-6)
    assert chebyshev.identity.source == "x#row=2"


@pytest.mark.parametrize(
    ("cards", "mjd", "kind"),
    [
        ({"DATE__OBS": "2021-03-05T20:00:00"}, 59278.833333, "start"),
        ({"DATE__OBS": "2021-03-05T20:00:0.0"}, 59278.833333, "start"),
        ({"DATE__OBS": "2021-03-06T04:00:00+08:00"}, 59278.833333, "start"),
        ({"DATE__OBS": "2021-03-05", "UT": "20:00:00"}, 59278.833333, "start"),
        ({"DATE__OBS": "2021-03-05", "TIME__OBS": "20:00:00.0"}, 59278.833333, "start"),
        ({"DATE__OBS": "2021-03-05", "UTC": 72000.0}, 59278.833333, "start"),
        ({"DATE__OBS": "05/03/99", "UT": "20:00:00"}, 51242.833333, "start"),
        ({"MJD__OBS": 59278.833333}, 59278.833333, "start"),
        ({"JD": 2459279.333333}, 59278.833333, "start"),
        ({"TAI": (59278.833333 + 37 / 86400) * 86400}, 59278.833333, "start"),
        ({"DATE__OBS": "2021-03-05T20:00:00", "EXPTIME": 7200.0}, 59278.875, "middle"),
        ({"DATE__OBS": "2021-03-05T20:00:00", "DATE__END": "2021-03-05T22:00:00"}, 59278.875, "middle"),
        ({"DATE__OBS": "2021-03-05T20:00:00", "EXPTIME": 7200.0, "NCOMBINE": 4}, 59278.833333, "start"),
        (
            {"MJD__OBS": 59278.833333, "MJD__END": 59278.916667, "EXPTIME": 3600.0, "NCOMBINE": 4},
            59278.875,
            "middle",
        ),
        ({"UTMJD": 59278.833333, "EXPTIME": 7200.0}, 59278.875, "middle"),
        ({"DATE__AVG": "2021-03-05T20:00:00"}, 59278.833333, "middle"),
        ({"DATE__OBS": "2021-03-05"}, 59278.0, "day"),
        ({"MJD": 59278}, 59278.0, "day"),
        ({"DATE__OBS": "2021-02-31T00:00:00"}, None, ""),
        ({"MJD__OBS": 1e9}, None, ""),
    ],
)
def test_epochs(cards: dict[str, Any], mjd: float | None, kind: str) -> None:
    who = image(**LINEAR, **SAYS_AIR, **cards).identity
    assert who.epoch_mjd == (None if mjd is None else pytest.approx(mjd, abs=1e-5))
    assert who.epoch_kind == kind


def rows(separator: str = ",", wave: Any = VAC, digits: int = 4) -> list[str]:
    return [f"{w:.{digits}f}{separator}{f:.5f}" for w, f in zip(wave, SHIFTED, strict=True)]


def text(header: str = "", body: list[str] | None = None, encoding: str = "utf-8") -> Spectrum:
    return read_bytes((header + "\n".join(body or rows()) + "\n").encode(encoding), source="x")


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("wavelength;flux\n", [row.replace(".", ",").replace("|", ";") for row in rows("|")]),
        ("wavelength\tflux\n", [row.replace(".", ",") for row in rows("\t")]),
        ("", [row.replace(".", ",") for row in rows(" ")]),
        ("wavelength,flux\nAngstrom,erg/s/cm2/A\n", None),
        ("wavelength,flux\n[nm],[]\n", rows(wave=VAC / 10)),
        ("| wavelength | flux |\n|------------|------|\n", [f"| {row} |" for row in rows(" | ")]),
        ("// made by a program\n// wavelength flux\n", rows(" ")),
        ("waveobs\tflux\terr\n", [row + "\t0.01" for row in rows("\t", VAC / 10, 6)]),
        ("wavelength [nanometers],flux\n", rows(wave=VAC / 10)),
        ("wavelength (Ångström),flux\n", None),
        ("wavelength [µm],flux\n", rows(wave=VAC / 1e4, digits=8)),
        ("wavelength [1e-10 m],flux\n", None),
        ("lambda_nm,flux\n", rows(wave=VAC / 10)),
        ("loglam,flux\n", rows(wave=np.log10(VAC), digits=8)),
        ("wave,flux\n", [r if i % 90 else f"{VAC[i]:.3f},NA" for i, r in enumerate(rows())]),
        ("wave,flux\n", [r if i % 90 else f"{VAC[i]:.3f},NULL" for i, r in enumerate(rows())]),
        ("wave flux\n", [r if i % 90 else f"{VAC[i]:.3f} --" for i, r in enumerate(rows(" "))]),
        ("", [f"{w:.6e} {f:.5e}".replace("e", "D") for w, f in zip(VAC, SHIFTED, strict=True)]),
        ("# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, unit: nm, datatype: float64}\nwave flux\n",
         rows(" ", VAC / 10)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-8-sig"])
def test_text_of_many_programs(header: str, body: list[str] | None, encoding: str) -> None:
    spectrum = text(header, body, encoding)
    usable = ~spectrum.mask
    peak = spectrum.wavelength_vac[usable][np.argmax(spectrum.flux[usable])]
    assert peak == pytest.approx(HALPHA_VAC, abs=0.5)
    assert len(spectrum) == 1000


def zipped(content: bytes, *names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return buffer.getvalue()


def test_compressed_files_are_the_same() -> None:
    content = file_of(**LINEAR, **SAYS_AIR)
    plain = read_bytes(content, source="x")
    packed = [bz2.compress(content), lzma.compress(content), zipped(content, "a/b.fits", "__MACOSX/b"),
              zipped(gzip.compress(content), "b.fits.gz")]  # fmt: skip
    for one in packed:
        assert read_bytes(one, source="x").flux.tobytes() == plain.flux.tobytes()
    with pytest.raises(DataError, match="an archive of 2 files"):
        read_bytes(zipped(content, "a.fits", "b.fits"), source="x")


def test_downloads_without_a_suffix_are_found_and_others_are_counted(tmp_path: Path) -> None:
    content = file_of(**LINEAR, **SAYS_AIR)
    for name in ("353301001?token=A1.b", "353301002", "spec.fits?token=x", "a.fits.bz2", "b.fit.fz"):
        (tmp_path / name).write_bytes(content if not name.endswith("bz2") else bz2.compress(content))
    (tmp_path / "353301003?token=A1").write_bytes(gzip.compress(content))
    for name in ("notes.pdf", "README", "picture.png", ".hidden.fits", "index.csv"):
        (tmp_path / name).write_bytes(b"something")
    passed = PassedOver()
    found = find_spectra([tmp_path], passed_over=passed)
    assert len(found) == 6
    assert len(passed) == 5
    assert passed.counts["hidden"] == 1
    assert all(isinstance(read(path), Spectrum) for path in found)


def test_a_comment_that_mentions_a_file_makes_no_list(tmp_path: Path) -> None:
    path = tmp_path / "star.txt"
    path.write_text("# extracted from hd5394_20210905.fits\n" + "\n".join(rows(" ")))
    assert find_spectra([path]) == [path]


def test_the_header_of_an_image_extension_is_that_of_the_file_too() -> None:
    primary = fits.PrimaryHDU()
    primary.header.update({"OBJECT": "HD 2", "RA": 315.4, "DEC": 68.163, "DATE-OBS": "2019-05-03T04:05:06"})
    data = fits.ImageHDU(SHIFTED.astype("f4"), name="DATA")
    data.header.update({**LINEAR, **SAYS_AIR})
    error = fits.ImageHDU((SHIFTED * 0 + 0.1).astype("f4"), name="ERR")
    error.header.update(LINEAR)
    buffer = io.BytesIO()
    fits.HDUList([primary, data, error]).writeto(buffer)
    spectrum = read_bytes(buffer.getvalue(), source="x")
    assert (spectrum.identity.object_name, spectrum.identity.ra) == ("HD 2", 315.4)
    assert spectrum.ivar == pytest.approx(np.full(1000, 100.0), rel=1e-5)


@pytest.mark.parametrize(
    "name", ["mag", "AB magnitude", "log flux", "transmission", "S/N", "Relative response"]
)
def test_what_is_no_flux_is_not_taken_for_one(tmp_path: Path, name: str) -> None:
    path = tmp_path / "other.csv"
    path.write_text("\n".join([f"wavelength,{name}", *rows()]))
    with pytest.raises(DataError, match="not_a_spectrum"):
        read(path)
    path.write_text("\n".join(["wavelength,jasnost", *rows()]))  # any language is
    assert read(path).flux.size


@pytest.mark.parametrize("unit", ["mag", "mag(AB)", "log10(erg/s/cm2/A)", "dex"])
def test_a_flux_in_a_unit_that_is_none_is_refused(unit: str) -> None:
    with pytest.raises(DataError, match="not_a_flux"):
        image(**LINEAR, **SAYS_AIR, BUNIT=unit)
    assert image(**LINEAR, **SAYS_AIR, BUNIT="erg/s/cm2/A").flux.size
