"""Files as instruments, pipelines and people's programs write them: line, place, time, errors, count."""

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
from vo_emline.spectra import HALPHA_VAC, Spectrum, air_to_vacuum, read_all, read_bytes
from vo_emline.spectra.several import spectra_in

GRID = 6300.0 + 0.5 * np.arange(1000)
LOG = 3.58 + 1e-4 * np.arange(3800)
AXIS = {"CRVAL1": 6300.0, "CDELT1": 0.5, "CRPIX1": 1.0, "CTYPE1": "AWAV"}
HERE = (83.822, -5.391)
EVENING = 59278.833333333


def star(vac: Any) -> Any:
    """A spectrum with a line at Hα in vacuum."""
    wave = np.asarray(vac, dtype=float)
    return (wave / 6500) ** -2 * (1 + np.exp(-0.5 * ((wave - HALPHA_VAC) / 2.5) ** 2))


AIR, VAC, SDSS = star(air_to_vacuum(GRID)), star(GRID), star(10**LOG)


def line_of(spectrum: Spectrum) -> float:
    near = np.abs(spectrum.wavelength_vac - HALPHA_VAC) < 25
    wave = spectrum.wavelength_vac[near]
    above = spectrum.flux[near] * (wave / 6500) ** 2 - 1
    return float((wave * above).sum() / above.sum())


def is_at_halpha(spectrum: Spectrum) -> bool:
    return abs(line_of(spectrum) - HALPHA_VAC) < 0.05


def primary(data: Any = None, comments: dict[str, str] | None = None, **cards: Any) -> fits.PrimaryHDU:
    hdu = fits.PrimaryHDU(None if data is None else np.asarray(data, dtype=np.float32))
    return _with(hdu, cards, comments or {})


def image(data: Any, name: str, **cards: Any) -> fits.ImageHDU:
    return _with(fits.ImageHDU(np.asarray(data), name=name), cards, {})


def table(columns: dict[str, Any], name: str = "", **cards: Any) -> fits.BinTableHDU:
    kinds = {"i": "K", "f": "D", "U": "20A", "b": "L"}
    made = []
    for key, values in columns.items():
        array = np.asarray(values)
        kind = kinds[array.dtype.kind]
        made.append(fits.Column(key, f"{array.shape[1]}{kind}" if array.ndim > 1 else kind, array=array))
    return _with(fits.BinTableHDU.from_columns(made, name=name), cards, {})


def _with(hdu: Any, cards: dict[str, Any], comments: dict[str, str]) -> Any:
    for key, value in cards.items():
        hdu.header[key.replace("__", "-")] = value
    for key, said in comments.items():
        hdu.header.comments[key] = said
    return hdu


def written(*hdus: Any) -> bytes:
    buffer = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(buffer)
    return buffer.getvalue()


def of_air(comments: dict[str, str] | None = None, **cards: Any) -> Spectrum:
    return read_bytes(written(primary(AIR, comments, **AXIS, **cards)), source="x")


# ---- dispersion


def multispec(description: str, flux: Any = AIR, **cards: Any) -> bytes:
    axes = {"WCSDIM": 2, "CTYPE1": "MULTISPE", "CTYPE2": "MULTISPE", "WAT0_001": "system=multispec"}
    axes["WAT1_001"] = "wtype=multispec label=Wavelength units=angstroms"
    axes["WAT2_001"] = f'wtype=multispec spec1 = "{description}"'
    return written(primary(np.atleast_2d(flux), **axes, **cards))


@pytest.mark.parametrize(
    ("description", "cards"),
    [
        ("1 1 0 6300. 0.5 1000 0. 10. 20.", {}),
        ("1 1 0 6250. 0.5 1100 0. 10. 20.", {"LTV1": -100.0}),  # a hundred pixels cut off afterwards
        ("1 1 0 6300. 0.25 2000 0. 10. 20.", {"LTM1_1": 0.5, "LTV1": 0.5}),  # two pixels made one
        ("1 1 2 6250. 0.5 1100 0. 1 2 1. 0. 1 2 1. 1100. 6524.75 274.75", {"LTV1": -100.0}),
    ],
)
def test_multispec_counts_pixels_as_before_they_were_cut(description: str, cards: dict[str, Any]) -> None:
    assert is_at_halpha(read_bytes(multispec(description, **cards), source="x"))


def test_images_with_one_dispersion_count_pixels_as_they_are() -> None:
    assert is_at_halpha(of_air(LTV1=-200.0, LTM1_1=1.0))


@pytest.mark.parametrize(
    "unit", ["10**(-10) m", "10^-10 m", "Ang.", "LAMBDA", "Angstrom (air)", "0.1 nm", "1E-10 m", "ANGSTROM"]
)
def test_units_of_axes(unit: str) -> None:
    assert is_at_halpha(of_air(CUNIT1=unit))


def test_a_logarithm_of_nanometres() -> None:
    flux = star(10 * 10 ** (2.75 + 5e-5 * np.arange(3000)))
    cards = {"CRVAL1": 2.75, "CDELT1": 5e-5, "CRPIX1": 1.0, "DC__FLAG": 1, "CUNIT1": "nm", "VACUUM": True}
    assert is_at_halpha(read_bytes(written(primary(flux, **cards)), source="x"))


def test_sdss_legacy_image_of_five_rows() -> None:
    rows = np.stack([SDSS, SDSS * 0, np.full(LOG.size, 0.01), SDSS * 0, SDSS * 0])
    rows[3, 100] = 1 << 24
    cards = {"TELESCOP": "SDSS 2.5-M", "RAOBJ": HERE[0], "DECOBJ": HERE[1], "RA": 85.0, "DEC": -6.0}
    axis = {"COEFF0": 3.58, "COEFF1": 1e-4, "CRVAL1": 3.58, "CD1_1": 1e-4, "DC__FLAG": 1, "FIBERID": 7}
    spectrum = read_bytes(written(primary(rows, **cards, **axis)), source="spSpec-51602-0266-007.fit")
    who = spectrum.identity
    assert (who.survey, who.ra, who.dec, who.fiberid) == ("SDSS legacy", *HERE, 7)
    assert (spectrum.medium, spectrum.flags) == ("vacuum", ())
    assert np.flatnonzero(spectrum.mask).tolist() == [100]
    assert spectrum.ivar is not None
    assert np.median(spectrum.ivar) == pytest.approx(1e4, rel=1e-4)
    assert is_at_halpha(spectrum)


# ---- place


@pytest.mark.parametrize(
    ("cards", "comments"),
    [
        ({"RAOBJ": 83.822, "DECOBJ": -5.391, "RA": 85.0, "DEC": -6.0}, {}),
        ({"RA__DEG": 83.822, "DEC__DEG": -5.391}, {}),
        ({"RAJ2000": 83.822, "DECJ2000": -5.391}, {}),
        ({"RA2000": "05:35:17.28", "DEC2000": "-05:23:27.6"}, {}),
        ({"TARG_RA": 83.822, "TARG_DEC": -5.391}, {}),
        ({"ALPHA": "05:35:17.28", "DELTA": "-05:23:27.6"}, {}),
        ({"BSS_RA": 83.822, "BSS_DEC": -5.391}, {}),
        ({"HIERARCH OHP TARG ALPHA": "05:35:17.28", "HIERARCH OHP TARG DELTA": "-05:23:27.6"}, {}),
        ({"RA": 5.588133, "DEC": -5.391}, {"RA": "Right ascension, hr"}),
        (
            {
                "CAT__RA": "05:32:48.41",
                "CAT__DEC": "-05:25:21.0",
                "CAT__EQUI": "B1950.00",
                "EQUINOX": "J2000",
            },
            {},
        ),
        ({"CAT__RA": "05:35:17.28", "CAT__DEC": "-05:23:27.6", "CAT__EQUI": "J2000.00"}, {}),
    ],
)
def test_places(cards: dict[str, Any], comments: dict[str, str]) -> None:
    who = of_air(comments, **cards).identity
    assert (who.ra, who.dec) == pytest.approx(HERE, abs=0.01)


@pytest.mark.parametrize(("name", "keys"), [("SPALL", "RACAT DECCAT"), ("SPECOBJ", "PLUG_RA PLUG_DEC")])
def test_who_a_spectrum_of_sdss_is_may_stand_in_a_table_behind_it(name: str, keys: str) -> None:
    columns = {
        "FLUX": SDSS,
        "LOGLAM": LOG,
        "IVAR": np.full(LOG.size, 1e4),
        "AND_MASK": np.zeros(LOG.size, int),
    }
    about = table({key: np.array([value]) for key, value in zip(keys.split(), HERE, strict=True)}, name)
    content = written(primary(TELESCOP="SDSS 2.5-M", RA=85.0, DEC=-6.0), table(columns, "COADD"), about)
    assert (read_bytes(content, source="x").identity.ra, read_bytes(content, source="x").identity.dec) == HERE


# ---- time


@pytest.mark.parametrize(
    ("cards", "comments", "kind"),
    [
        ({"DATE__OBS": "2021-03-05", "UT": "20h00m00s"}, {}, "start"),
        ({"DATE__OBS": "2021-03-05", "UT": "20 00 00"}, {}, "start"),
        ({"DATE__OBS": "2021-03-05", "UT": 20.0}, {"UT": "[h] start"}, "start"),
        ({"DATE__OBS": "2021-03-05", "TM-START": 72000}, {}, "start"),
        ({"DATE__OBS": "2021-03-05", "UTOPEN": "20:00:00"}, {}, "start"),
        ({"DATE__OBS": "2021-03-05", "EXPSTART": EVENING}, {}, "start"),  # an MJD, no seconds of the day
        ({"EXPSTART": EVENING - 0.01, "EXPEND": EVENING + 0.01}, {}, "middle"),
        ({"TDATEOBS": "2021-03-05", "TTIMEOBS": "20:00:00"}, {}, "start"),
        ({"UT-DATE": "2021-03-05", "UT-TIME": "20:00:00"}, {}, "start"),
        ({"UTDATE": "2021-03-05", "UTIME": "20:00:00"}, {}, "start"),
        ({"DATE__OBS": "2021-03-05", "UT-MID": "20:00:00"}, {}, "middle"),
        ({"DATE__OBS": "2021-03-05T19:50:00", "UTMIDDLE": "20:00:00"}, {}, "middle"),
        ({"DATE__OBS": "20210305T200000"}, {}, "start"),
        ({"DATE__OBS": "2021-03-05T20-00-00"}, {}, "start"),
    ],
)
def test_times(cards: dict[str, Any], comments: dict[str, str], kind: str) -> None:
    who = of_air(comments, **cards).identity
    assert who.epoch_mjd == pytest.approx(EVENING, abs=1e-6)
    assert who.epoch_kind == kind


@pytest.mark.parametrize("cards", [{"UT": 20.0}, {"UT": ""}, {}])
def test_a_time_that_is_not_told_leaves_a_day(cards: dict[str, Any]) -> None:
    who = of_air(DATE__OBS="2021-03-05", **cards).identity
    assert (who.epoch_mjd, who.epoch_kind) == (59278.0, "day")


# ---- errors and masks beside a flux


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ERROR", 0.01),
        ("ERRS", 0.01),
        ("VARIANCE", 1e-4),
        ("STAT", 1e-4),
        ("IVAR", 1e4),
        ("S1.VARIANCE", 1e-4),
    ],
)
def test_images_of_errors(name: str, value: float) -> None:
    spectrum = read_bytes(
        written(primary(AIR, **AXIS), image(np.full(1000, value), name, **AXIS)), source="x"
    )
    assert spectrum.ivar == pytest.approx(np.full(1000, 1e4))


def test_errors_of_another_length_are_refused() -> None:
    with pytest.raises(DataError, match="1000 fluxes but 500 values in ERROR"):
        read_bytes(written(primary(AIR, **AXIS), image(np.ones(500), "ERROR")), source="x")


def test_the_band_of_iraf_called_sigma() -> None:
    bands = np.stack([AIR, AIR, np.full(1000, 0.01)])[:, None]
    cards = {"BANDID1": "spectrum - weights variance", "BANDID3": "sigma - background none"}
    spectrum = read_bytes(written(primary(bands, **AXIS, **cards)), source="x")
    assert spectrum.ivar == pytest.approx(np.full(1000, 1e4))


@pytest.mark.parametrize(("value", "told"), [(0, False), (4, True)])
def test_a_mask_beside_a_flux_whose_meaning_is_not_known(value: int, told: bool) -> None:
    mask = np.zeros(1000, dtype=np.int32)
    mask[5] = value
    spectrum = read_bytes(written(primary(AIR, **AXIS), image(mask, "QUAL")), source="x")
    assert ("mask_unknown" in spectrum.flags) == told
    assert not spectrum.mask.any()


@pytest.mark.parametrize("name", ["var", "VARIANCE", "flux_var"])
def test_columns_of_variances(name: str) -> None:
    columns = {"wave": GRID, "flux": AIR, name: np.full(1000, 1e-4)}
    spectrum = read_bytes(written(primary(), table(columns)), source="x")
    assert spectrum.ivar == pytest.approx(np.full(1000, 1e4))


def test_quality_of_espresso_and_masks_of_pypeit() -> None:
    quality = np.zeros(1000, dtype=int)
    quality[3] = 16384
    columns = {
        "wavelength": GRID,
        "wavelength_air": GRID - 1.8,
        "flux": VAC,
        "error": VAC,
        "quality": quality,
    }
    assert np.flatnonzero(read_bytes(written(primary(), table(columns)), source="x").mask).tolist() == [3]
    columns = {"wave": GRID, "flux": VAC, "ivar": VAC, "mask": (quality == 0).astype(int)}
    spectrum = read_bytes(written(primary(PYP_SPEC="shane_kast_red"), table(columns)), source="x")
    assert (np.flatnonzero(spectrum.mask).tolist(), spectrum.medium) == ([3], "vacuum")


# ---- several stars


def two_rows() -> bytes:
    columns = {"NAME": np.array(["A", "B"]), "RA": np.array([10.0, 20.0]), "DEC": np.array([1.0, 2.0])}
    return written(primary(), table({**columns, "WAVE": np.stack([GRID] * 2), "FLUX": np.stack([AIR, VAC])}))


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x.fits", content)
    return buffer.getvalue()


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zipped])
def test_stars_in_rows_of_packed_files(tmp_path: Path, pack: Any) -> None:
    path = tmp_path / "x.fits"
    path.write_bytes(pack(two_rows()))
    assert list(spectra_in(path)) == [f"{path}#row=1", f"{path}#row=2"]
    assert [one.identity.object_name for one in read_all(path)] == ["A", "B"]


def a_table(name: str, ra: float) -> str:
    fields = (
        '<FIELD name="wavelength" datatype="double" unit="Angstrom"/><FIELD name="flux" datatype="double"/>'
    )
    rows = "".join(f"<TR><TD>{w:.3f}</TD><TD>{f:.5f}</TD></TR>" for w, f in zip(GRID, AIR, strict=True))
    who = f'<PARAM name="OBJECT" datatype="char" arraysize="*" value="{name}"/>'
    place = (
        f'<PARAM name="RA" datatype="double" value="{ra}"/><PARAM name="DEC" datatype="double" value="1"/>'
    )
    return f"<TABLE>{who}{place}{fields}<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE>"


@pytest.mark.parametrize("between", ["", "</RESOURCE><RESOURCE>"])
def test_every_table_of_a_votable(tmp_path: Path, between: str) -> None:
    path = tmp_path / "x.vot"
    head = (
        '<?xml version="1.0"?><VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE>'
    )
    path.write_text(f"{head}{a_table('A', 10)}{between}{a_table('B', 20)}</RESOURCE></VOTABLE>")
    found = list(read_all(path))
    assert [(one.identity.object_name, one.identity.ra) for one in found] == [("A", 10.0), ("B", 20.0)]
    assert list(spectra_in(path)) == [f"{path}[0]", f"{path}[1]"]
    with pytest.raises(DataError, match="it holds 2 spectra"):
        read_bytes(path.read_bytes(), source="x")


@pytest.mark.parametrize(("name", "count"), [("A", 1), ("B", 2)])
def test_an_image_of_another_star_beside_a_table(tmp_path: Path, name: str, count: int) -> None:
    path = tmp_path / "x.fits"
    cards = {"OBJECT": "A", "RA": 10.0, "DEC": 1.0}
    other = {"OBJECT": name, "RA": 10.0 * count, "DEC": 1.0}
    path.write_bytes(written(primary(AIR, **AXIS, **cards), table({"WAVE": GRID, "FLUX": AIR}, **other)))
    assert len(list(read_all(path))) == len(list(spectra_in(path))) == count


def test_plates_of_boss_and_frames_of_desi(tmp_path: Path) -> None:
    many = np.stack([SDSS, SDSS[::-1], SDSS])
    who = {
        "RA": [10.1, 10.2, 10.3],
        "DEC": [1.0, 2.0, 3.0],
        "FIBERID": [1, 2, 3],
        "OBJTYPE": ["STAR", "SKY", "STAR"],
    }
    masks = [image(np.zeros(many.shape, np.int32), name) for name in ("ANDMASK", "ORMASK")]
    plate = primary(many, TELESCOP="SDSS 2.5-M", COEFF0=3.58, COEFF1=1e-4, RA=10.0, DEC=1.0)
    path = tmp_path / "spPlate.fits"
    path.write_bytes(written(plate, image(many * 0 + 1e4, "IVAR"), *masks, table(who, "PLUGMAP")))
    found = list(read_all(path))
    assert [(one.identity.ra, one.identity.fiber_type) for one in found] == [
        (10.1, "STAR"), (10.2, "SKY"), (10.3, "STAR")]  # fmt: skip
    assert is_at_halpha(found[0])
    frame = [
        image(np.stack([VAC, VAC]), "FLUX"),
        image(np.full((2, 1000), 1e4), "IVAR"),
        image(GRID, "WAVELENGTH"),
    ]
    who = {"TARGETID": [11, 12], "TARGET_RA": [10.0, 20.0], "TARGET_DEC": [1.0, 2.0]}
    path.write_bytes(written(primary(), *frame, table(who, "FIBERMAP")))
    assert [(one.identity.object_name, one.identity.ra) for one in read_all(path)] == [
        ("11", 10.0),
        ("12", 20.0),
    ]


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (written(primary(np.ones((5, 6, 100)))), "a cube of 100 × 6 × 5 pixels"),
        (written(primary(np.tile(AIR, (50, 1)), **AXIS)), "extract the spectrum"),
        (written(primary(AIR)), "calibrate its wavelengths"),
    ],
)
def test_images_without_a_spectrum_say_what_to_do(content: bytes, advice: str) -> None:
    with pytest.raises(DataError, match=advice):
        read_bytes(content, source="x")


@pytest.mark.parametrize("said", [3000, "3000", "R = 3000", "R~3000"])
def test_resolving_powers_as_people_write_them(said: Any) -> None:
    assert of_air(RESOLUTN=said).resolving_power == 3000
