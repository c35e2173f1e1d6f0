"""Files of each survey, made by its published format: who, where, when, medium, mask and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from vo_emline.errors import DataError
from vo_emline.rejects import Reject
from vo_emline.spectra import HALPHA_VAC, Spectrum, read, read_all, read_each, vacuum_to_air
from vo_emline.spectra.several import spectra_in
from vo_emline.spectra.surveys import all_surveys, survey_from, survey_named

VAC = 6300.0 + 0.5 * np.arange(1000)
AIR = np.asarray(vacuum_to_air(VAC))
LOG = 3.7 + 1e-4 * np.arange(2000)


def star(vac: Any, height: float = 1.0) -> Any:
    """A flat spectrum with a line at Hα in vacuum."""
    wave = np.asarray(vac, dtype=float)
    return 1 + height * np.exp(-0.5 * ((wave - HALPHA_VAC) / 3) ** 2) + 0.001 * np.sin(wave * 9)


def line_of(spectrum: Spectrum) -> float:
    near = np.abs(spectrum.wavelength_vac - HALPHA_VAC) < 40
    above = np.clip(spectrum.flux[near] - np.median(spectrum.flux[near]), 0, None)
    strong = above > above.max() / 3
    return float((spectrum.wavelength_vac[near] * above)[strong].sum() / above[strong].sum())


def is_at_halpha(spectrum: Spectrum) -> bool:
    return abs(line_of(spectrum) - HALPHA_VAC) < 0.4


def hdu(columns: dict[str, Any], name: str = "", **cards: Any) -> fits.BinTableHDU:
    made = []
    for key, values in columns.items():
        array = np.asarray(values)
        kind = {"i": "K", "f": "D", "U": "20A"}[array.dtype.kind]
        made.append(fits.Column(key, f"{array.shape[1]}{kind}" if array.ndim > 1 else kind, array=array))
    table = fits.BinTableHDU.from_columns(made, name=name)
    table.header.update({key.replace("_OBS", "-OBS"): value for key, value in cards.items()})
    return table


def image(data: Any, name: str = "", **cards: Any) -> fits.ImageHDU:
    made = fits.ImageHDU(np.asarray(data), name=name)
    made.header.update({key.replace("_OBS", "-OBS"): value for key, value in cards.items()})
    return made


def primary(data: Any = None, **cards: Any) -> fits.PrimaryHDU:
    made = fits.PrimaryHDU(None if data is None else np.asarray(data, dtype=np.float32))
    made.header.update({key.replace("_OBS", "-OBS"): value for key, value in cards.items()})
    return made


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(*hdus: Any, name: str = "x.fits") -> Path:
        fits.HDUList(list(hdus)).writeto(tmp_path / name)
        return tmp_path / name

    return write


Write = Callable[..., Path]


def sdss(mask: int = 0) -> list[Any]:
    bits = np.zeros(LOG.size, dtype=int)
    bits[100] = mask
    columns = {
        "flux": star(10**LOG),
        "loglam": LOG,
        "ivar": np.full(LOG.size, 1e4),
        "and_mask": bits,
        "or_mask": bits,
    }
    columns["ivar"][7] = 0
    cards = {
        "TELESCOP": "SDSS 2.5-M",
        "RA": 145.9,
        "DEC": 0.06,
        "PLUG_RA": 146.9341,
        "PLUG_DEC": -0.670404,
        "TAI": 4458436689.74,
        "MJD": 51602,
        "PLATEID": 266,
        "FIBERID": 1,
    }
    exposure = hdu(
        {"flux": star(10**LOG), "loglam": LOG, "ivar": columns["ivar"], "mask": bits}, "R1-00001234"
    )
    return [primary(**cards), hdu(columns, "COADD"), exposure]


def test_sdss(written: Write) -> None:
    spectrum = read(written(*sdss()))
    who = spectrum.identity
    assert (who.survey, who.planid, who.fiberid) == ("SDSS", "266", 1)
    assert (who.ra, who.dec) == (146.9341, -0.670404)  # not the plate's centre
    assert who.epoch_mjd == pytest.approx(51602.27, abs=0.01)
    assert spectrum.medium == "vacuum"
    assert is_at_halpha(spectrum)
    assert np.flatnonzero(spectrum.mask).tolist() == [7]  # no data where the inverse variance is zero
    assert spectrum.flags == ()


@pytest.mark.parametrize(
    ("bit", "bad"), [(4, False), (15, False), (25, False), (18, True), (24, True), (22, True)]
)
def test_bits_of_sdss_are_not_those_of_lamost(written: Write, bit: int, bad: bool) -> None:
    assert read(written(*sdss(1 << bit))).mask[100] == bad


def mwm(name: str, rows: int, **columns: Any) -> fits.BinTableHDU:
    many = {
        "sdss_id": np.arange(rows) + 77,
        "wavelength": np.tile(10**LOG, (rows, 1)),
        "flux": np.tile(star(10**LOG), (rows, 1)),
        "ivar": np.full((rows, LOG.size), 1e4),
        "pixel_flags": np.zeros((rows, LOG.size), dtype=int),
        **columns,
    }
    return hdu(many, name)


def test_mwmstar_with_an_empty_first_extension(written: Write) -> None:
    path = written(
        primary(), mwm("BOSS/APO", 0), mwm("BOSS/LCO", 1), mwm("APOGEE/APO", 0), mwm("APOGEE/LCO", 0)
    )
    spectrum = read(path)
    assert (spectrum.identity.survey, spectrum.medium) == ("SDSS-V", "vacuum")
    assert spectrum.identity.object_name == "77"
    assert is_at_halpha(spectrum)
    assert list(spectra_in(path)) == [str(path)]


def test_mwmvisit_gives_each_visit(written: Write) -> None:
    path = written(primary(), mwm("BOSS/APO", 3, MJD=np.array([59001, 59002, 59003])), mwm("BOSS/LCO", 0))
    found = list(read_all(path))
    assert [one.identity.epoch_mjd for one in found] == [59001, 59002, 59003]
    assert {one.identity.epoch_kind for one in found} == {"day"}
    assert list(spectra_in(path)) == [f"{path}#row={row}" for row in (1, 2, 3)]


def desi(arm: str = "R") -> list[Any]:
    flux = np.stack([star(VAC), star(VAC, 0.0), np.zeros(VAC.size)])
    mask = np.zeros(flux.shape, dtype=np.int32)
    mask[0, :3] = [2, 4, 1]  # ALLBADPIX, COSMIC, SOMEBADPIX
    who = {
        "TARGETID": np.array([39627, 39628, 39629]),
        "TARGET_RA": np.array([10.0, 11.0, 12.0]),
        "TARGET_DEC": np.array([-5.0, -6.0, -7.0]),
        "OBJTYPE": np.array(["TGT", "SKY", "TGT"]),
        "MEAN_MJD": np.full(3, 59300.25),
        "COADD_EXPTIME": np.full(3, 900.0),
    }
    images = [
        image(VAC, f"{arm}_WAVELENGTH"),
        image(flux, f"{arm}_FLUX"),
        image(np.full(flux.shape, 1e4), f"{arm}_IVAR"),
        image(mask, f"{arm}_MASK"),
        image(np.ones((3, 11, VAC.size), dtype=np.float32), f"{arm}_RESOLUTION"),
    ]
    blue = [image(4000 + VAC - VAC[0], "B_WAVELENGTH"), image(flux, "B_FLUX"), image(flux * 0 + 1, "B_IVAR")]
    return [primary(), hdu(who, "FIBERMAP"), *(blue if arm == "R" else []), *images]


@pytest.mark.parametrize("arm", ["R", "BRZ"])
def test_desi_coadds_hold_many_targets(written: Write, arm: str) -> None:
    path = written(*desi(arm))
    found = list(read_all(path))
    assert [one.identity.object_name for one in found] == ["39627", "39628"]  # the third is empty
    first = found[0]
    assert (first.identity.ra, first.identity.dec) == (10.0, -5.0)
    assert (first.identity.epoch_mjd, first.identity.exposure_s) == (59300.25, 900.0)
    assert (first.medium, first.layout, found[1].identity.fiber_type) == ("vacuum", "fits-rows", "SKY")
    assert np.flatnonzero(first.mask).tolist() == [0]
    assert is_at_halpha(first)
    with pytest.raises(DataError, match="it holds 2 spectra"):
        read(path)
    names = list(spectra_in(path))
    assert names == [f"{path}#row=1", f"{path}#row=2"]
    assert read(names[0]).identity == first.identity


def test_galah_dr3(written: Write) -> None:
    axis = {"CRVAL1": AIR[0], "CDELT1": AIR[1] - AIR[0], "CRPIX1": 1.0}
    grid = AIR[0] + (AIR[1] - AIR[0]) * np.arange(1000)
    flux = star(grid * (VAC / AIR))
    cards = {
        "INSTRUME": "HERMES-2dF",
        "OBJECT": "12345",
        "RA": 80.0,
        "DEC": -60.0,
        "HIERARCH SOBJECT_ID": 140113002901121,
    }
    others = [
        image(flux * 0 + 0.02, **axis),
        image(flux, **axis),
        image(flux, **axis),
        image(flux / 2, **axis),
    ]
    spectrum = read(written(primary(flux, **axis, **cards), *others))
    assert (spectrum.identity.survey, spectrum.identity.obsid) == ("GALAH", 140113002901121)
    assert (spectrum.medium, spectrum.resolving_power) == ("air", 28_000)
    assert spectrum.ivar is not None
    assert spectrum.ivar[0] == pytest.approx(1 / (0.02 * spectrum.flux[0]) ** 2)
    assert spectrum.normalised_flux == pytest.approx(spectrum.flux / 2)
    assert is_at_halpha(spectrum)


def test_galah_dr4(written: Write) -> None:
    table = hdu({"wave": AIR, "sob": star(VAC), "uob": np.full(1000, 0.01), "smod": np.ones(1000)})
    spectrum = read(written(primary(), table))
    assert (spectrum.identity.survey, spectrum.medium) == ("GALAH", "air")
    assert is_at_halpha(spectrum)


@pytest.mark.parametrize("layout", ["image", "table"])
def test_bess(written: Write, layout: str) -> None:
    cards = {
        "OBJNAME": "HD 1",
        "OBJECT": "HD 1",
        "BSS_ITRP": 9000,
        "BSS_SITE": "garden",
        "RA": 14.2,
        "DEC": 60.7,
        "DATE_OBS": "2021-09-05T21:10:11",
        "EXPTIME": 3600.0,
    }
    grid = 6300 + 0.5 * np.arange(1000)
    flux = star(np.interp(grid, AIR, VAC))
    if layout == "image":
        path = written(
            primary(flux, CRVAL1=6300.0, CDELT1=0.5, CTYPE1="Wavelength", CUNIT1="Angstrom", **cards)
        )
    else:
        path = written(primary(**cards), hdu({"WAVE": grid, "FLUX": flux}))
    spectrum = read(path)
    assert (spectrum.identity.survey, spectrum.identity.object_name) == ("BeSS", "HD 1")
    assert (spectrum.medium, spectrum.resolving_power, spectrum.flags) == ("air", 9000, ())
    assert (spectrum.identity.epoch_kind, spectrum.identity.ra) == ("middle", 14.2)
    assert spectrum.identity.epoch_mjd == pytest.approx(59462.88207 + 1800 / 86400, abs=1e-4)
    assert is_at_halpha(spectrum)


@pytest.mark.parametrize(("ucd", "medium"), [("em.wl", "vacuum"), ("em.wl;obs.atmos", "air")])
def test_eso_science_data_products(written: Write, ucd: str, medium: str) -> None:
    quality = np.zeros(1000, dtype=int)
    quality[50] = 1
    columns = {"WAVE": [VAC if medium == "vacuum" else AIR], "FLUX": [star(VAC)], "ERR": [np.full(1000, 0.1)]}
    table = hdu({**columns, "QUAL": quality[None]}, "SPECTRUM", VOCLASS="SPECTRUM V2.0", TUCD1=ucd)
    cards = {
        "PRODCATG": "SCIENCE.SPECTRUM",
        "OBJECT": "star",
        "RA": 58.8,
        "DEC": 31.0,
        "MJD_OBS": 58000.123,
        "EXPTIME": 9000.0,
        "SPEC_RES": 42_000.0,
    }
    spectrum = read(written(primary(**cards), table))
    who = spectrum.identity
    assert (who.survey, spectrum.medium, spectrum.resolving_power) == ("ESO", medium, 42_000)
    assert (who.epoch_mjd, who.epoch_kind) == (58000.123, "start")  # the exposures may lie nights apart
    assert np.flatnonzero(spectrum.mask).tolist() == [50]
    assert is_at_halpha(spectrum)


def test_weave_rows(written: Write) -> None:
    flux = np.stack([star(VAC), star(VAC, 0.3)])
    axis = {"CTYPE1": "WAVE", "CUNIT1": "Angstrom", "CRVAL1": 6300.0, "CD1_1": 0.5, "CRPIX1": 1.0}
    table = hdu(
        {
            "FIBREID": np.array([12, 13]),
            "CNAME": np.array(["WVE_A", "WVE_B"]),
            "TARGUSE": np.array(["T", "S"]),
            "TARGRA": np.array([1.0, 2.0]),
            "TARGDEC": np.array([3.0, 4.0]),
        },
        "FIBTABLE",
    )
    path = written(
        primary(INSTRUME="WEAVE"),
        image(flux, "RED_DATA", **axis),
        image(flux * 0 + 1, "RED_IVAR", **axis),
        table,
    )
    first, second = read_all(path)
    assert (first.identity.survey, first.identity.designation, first.identity.ra) == ("WEAVE", "WVE_A", 1.0)
    assert (first.medium, first.identity.fiberid, second.identity.fiber_type) == ("vacuum", 12, "Sky")
    assert is_at_halpha(first)


def test_4most(written: Write) -> None:
    columns = {
        "WAVE": [VAC],
        "FLUX": [star(VAC)],
        "ERR_FLUX": [np.full(1000, 0.1)],
        "QUAL": [np.zeros(1000, dtype=int)],
    }
    table = hdu(columns, "SPECTRUM", VOCLASS="SPECTRUM V2.0", TUCD1="em.wl")
    cards = {"INSTRUME": "QMOST", "PRODCATG": "SCIENCE.SPECTRUM", "RA": 5.0, "DEC": -30.0, "OBJECT": "o"}
    spectrum = read(written(primary(**cards), table))
    assert (spectrum.identity.survey, spectrum.medium) == ("4MOST", "vacuum")
    assert spectrum.ivar is not None
    assert is_at_halpha(spectrum)


def test_in_pypeit_one_is_good(written: Write) -> None:
    good = np.ones(1000, dtype=int)
    good[::50] = 0
    columns = {"wave": VAC, "flux": star(VAC), "ivar": np.full(1000, 1e4), "mask": good}
    spectrum = read(written(primary(DMODCLS="OneSpec"), hdu(columns, DMODCLS="OneSpec")))
    assert np.flatnonzero(spectrum.mask).tolist() == list(range(0, 1000, 50))
    assert spectrum.medium == "vacuum"


def test_a_mask_of_unknown_meaning_is_not_applied_and_said(written: Write) -> None:
    bits = np.zeros(1000, dtype=int)
    bits[::3] = 1
    table = {"wave": VAC, "flux": star(VAC), "mask": bits}
    spectrum = read(written(primary(), hdu(table)))
    assert "mask_unknown" in spectrum.flags
    assert not spectrum.mask.any()
    none_set = read(written(primary(), hdu(table | {"mask": bits * 0}), name="y.fits"))
    assert "mask_unknown" not in none_set.flags


def test_errors_of_another_length_are_refused(written: Write) -> None:
    columns = [
        fits.Column(name, f"{n}D", array=[values])
        for name, n, values in (("wave", 1000, VAC), ("flux", 1000, star(VAC)), ("ivar", 999, VAC[:999]))
    ]
    with pytest.raises(DataError, match="1000 fluxes but 999 inverse variances"):
        read(written(primary(), fits.BinTableHDU.from_columns(columns)))


@pytest.mark.parametrize(
    ("whose", "told"),
    [
        ({}, False),
        ({"NAME": np.array(["beta", "beta"])}, False),
        ({"NAME": np.array(["beta", "rho"])}, False),  # may be names of orders
        ({"RA": np.array([1.0, 2.0]), "DEC": np.array([3.0, 4.0])}, True),
    ],
)
def test_two_stars_in_rows_are_named_where_the_file_says_whose_they_are(
    written: Write, whose: dict[str, Any], told: bool
) -> None:
    flat = star(VAC, 0.0)
    path = written(
        primary(),
        hdu({"wave_vac": np.stack([VAC - 550, VAC]), "FLUX": np.stack([flat, star(VAC)]), **whose}),
    )
    names = [f"{path}#row=1", f"{path}#row=2"]
    assert list(spectra_in(path)) == (names if told else [str(path)])
    assert list(spectra_in(path, each=True)) == names
    assert [one.identity.source for one in read_all(path)] == names
    assert is_at_halpha(read(names[1]))
    (refused,) = read_each(f"{path}#row=3")
    assert isinstance(refused, Reject)
    assert refused.code == "no_such_part"


def test_dr10_tables_with_a_shorter_normalisation_are_read(written: Write) -> None:
    columns = [
        fits.Column(name, f"{n}E", array=[values[:n]])
        for name, n, values in (
            ("FLUX", 2000, star(10**LOG)),
            ("IVAR", 2000, np.ones(2000)),
            ("WAVELENGTH", 2000, 10**LOG),
            ("ANDMASK", 2000, np.zeros(2000)),
            ("NORMALIZATION", 1911, np.ones(2000)),
        )
    ]
    table = fits.BinTableHDU.from_columns(columns, name="COADD")
    spectrum = read(written(primary(TELESCOP="LAMOST", OBSID=5, DATE_OBS="2022-01-03T19:18:0.000"), table))
    assert spectrum.normalised_flux is None
    assert is_at_halpha(spectrum)
    assert spectrum.identity.epoch_mjd == pytest.approx(59582.80417, abs=1e-5)


def test_local_time_in_dr10_is_made_utc(written: Write) -> None:
    """DATE-OBS is said to be UTC; where it equals DATE-BEG it is local time, eight hours ahead."""
    rows = np.stack([star(10**LOG), np.ones(2000), 10**LOG, np.zeros(2000), np.zeros(2000)])
    cards = {
        "TELESCOP": "LAMOST",
        "OBSID": 5,
        "DATE_OBS": "2021-11-04T22:14:38",
        "DATE-BEG": "2021-11-04T22:14:35",
    }
    who = read(written(primary(rows, **cards))).identity
    assert (who.epoch_mjd, who.epoch_kind) == (pytest.approx(59522.59350, abs=1e-4), "start")


def test_impossible_numbers_are_unknown_and_said(written: Write) -> None:
    rows = np.stack([star(10**LOG), np.ones(2000), 10**LOG, np.zeros(2000), np.zeros(2000)])
    cards = {
        "TELESCOP": "LAMOST",
        "OBSID": 2**70,
        "RA": 10.0,
        "DEC": -999.0,
        "Z": 1e9,
        "DATE_OBS": "9021-01-01T00:00:00",
    }
    spectrum = read(written(primary(rows, **cards)))
    who = spectrum.identity
    assert (who.obsid, who.ra, who.dec, who.redshift, who.epoch_mjd) == (None,) * 5
    assert spectrum.flags == ("out_of_range",)


def test_every_survey_file_is_understood_and_has_a_source() -> None:
    names = [survey.name for survey in all_surveys()]
    assert len(set(names)) == len(names) >= 13
    assert all(survey.recognise for survey in all_surveys())
    assert survey_named("SDSS").mask is not None
    with pytest.raises(TypeError, match="colour"):
        survey_from({"name": "x", "colour": "blue"})


def test_low_resolution_is_said(written: Write) -> None:
    wave = 5000 + 4.0 * np.arange(800)
    spectrum = read(written(primary(), hdu({"wave": wave, "flux": star(wave)})))
    assert "low_resolution" in spectrum.flags
