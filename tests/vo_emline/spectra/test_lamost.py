"""The traps of LAMOST files, each on a real one."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from vo_emline.errors import UserError
from vo_emline.spectra import read, read_bytes

HR3135 = "lamost/dr1/spec-56284-GAC122S02V2_sp14-183.fits"
DR2 = "lamost/dr2/spec-55919-B5591903_sp01-003.fits"
DR7 = "lamost/dr6-dr7/spec-58575-HD103621N361936B01_sp03-003.fits"
DR10 = "lamost/dr10/spec-57278-EG224429N215706B01_sp01-001.fits.gz"
MRS = "lamost/mrs/med-58649-TD193637N444141K01_sp10-159.fits.gz"


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        (HR3135, "lamost-image-continuum"),
        (DR2, "lamost-image-wavelength"),
        (DR7, "lamost-image-wavelength"),
        (DR10, "lamost-coadd-table"),
        (MRS, "lamost-mrs-table"),
    ],
)
def test_layout_is_recognised_and_wavelengths_are_vacuum(shared_data: Path, name: str, layout: str) -> None:
    spectrum = read(shared_data / name)
    assert (spectrum.layout, spectrum.medium) == (layout, "vacuum")
    assert np.all(np.diff(spectrum.wavelength_vac) > 0)


def test_log_linear_axis_is_read_as_such_although_ctype_says_linear(shared_data: Path) -> None:
    with fits.open(shared_data / HR3135) as hdus:
        assert (hdus[0].header["CTYPE1"], hdus[0].header["DC-FLAG"]) == ("LINEAR", 1)
    wave = read(shared_data / HR3135).wavelength_vac
    assert wave[0] == pytest.approx(3699.99, abs=0.01)
    assert np.diff(np.log10(wave)) == pytest.approx(1e-4, abs=1e-12)


def test_third_row_is_told_by_its_values_not_by_exten0(shared_data: Path) -> None:
    content = (shared_data / DR2).read_bytes()
    lying = content.replace(b"Flux Inverse Wavelength Andmask", b"Flux Inverse Subcontinuum Andma")
    assert read_bytes(lying, source="x").layout == "lamost-image-wavelength"


def test_stated_wavelengths_agree_with_the_dispersion_cards(shared_data: Path) -> None:
    for name in (DR2, DR7):
        with fits.open(shared_data / name) as hdus:
            start, step = hdus[0].header["CRVAL1"], hdus[0].header["CD1_1"]
        wave = read(shared_data / name).wavelength_vac
        assert wave == pytest.approx(10 ** (start + step * np.arange(wave.size)), abs=0.01)


@pytest.mark.parametrize(
    "name",
    [
        HR3135,
        "lamost/dr1/spec-56265-VB069N07V2_sp04-027.fits",
        "lamost/dr1/spec-55959-GAC_094N27_V3_sp16-125.fits",
    ],
)
def test_strong_emission_without_inverse_variance_is_not_masked(shared_data: Path, name: str) -> None:
    spectrum = read(shared_data / name)
    assert spectrum.ivar is not None
    line = np.abs(spectrum.wavelength_vac - 6564.6) < 40
    lost = line & (spectrum.ivar == 0)
    assert lost.sum() >= 8
    assert not spectrum.mask[line].any()
    assert np.all(spectrum.flux[lost] > 0)


def test_pixels_without_data_are_masked(shared_data: Path) -> None:
    spectrum = read(shared_data / "lamost/dr1/spec-55967-GAC_073N44_V4_sp08-055.fits")
    assert spectrum.ivar is not None
    nothing = (spectrum.flux == 0) & (spectrum.ivar == 0)
    assert nothing.sum() > 100
    assert spectrum.mask[nothing].all()


@pytest.mark.parametrize("name", [HR3135, DR2])
def test_epoch_is_date_obs_not_the_wrong_mjd_card(shared_data: Path, name: str) -> None:
    with fits.open(shared_data / name) as hdus:
        header = hdus[0].header
    identity = read(shared_data / name).identity
    assert header["MJD"] == header["LMJD"] + 1  # two days too high
    assert identity.epoch_mjd is not None
    assert int(identity.epoch_mjd) == header["LMJD"] - 1


def test_epoch_of_a_known_date(shared_data: Path) -> None:
    identity = read(shared_data / "lamost/dr1/spec-55903-B90306_sp06-163.fits").identity
    # 2011-12-07T21:29:50.88, MJD 55902 at midnight
    assert identity.epoch_mjd == pytest.approx(55902 + (21 * 3600 + 29 * 60 + 50.88) / 86400)


def test_identity_of_dr1(shared_data: Path) -> None:
    identity = read(shared_data / HR3135).identity
    assert identity.obsid is None
    assert (identity.lmjd, identity.planid, identity.spid, identity.fiberid) == (
        56284,
        "GAC122S02V2",
        14,
        183,
    )
    assert identity.designation == "J080043.30-025243.9"
    assert identity.snr_r == pytest.approx(93.85)
    assert (identity.survey, identity.release, identity.fiber_type) == ("LAMOST LRS", "v2.6.4", "Obj")


def test_fibre_written_as_text_is_a_number(shared_data: Path) -> None:
    with fits.open(shared_data / DR2) as hdus:
        assert isinstance(hdus[0].header["FIBERID"], str)
    assert read(shared_data / DR2).identity.fiberid == 3


def test_fibre_type_is_read_under_both_names(shared_data: Path) -> None:
    assert read(shared_data / DR7).identity.fiber_type == "Obj"  # FIBERTYP
    assert read(shared_data / DR10).identity.fiber_type == "Obj"  # FIB_TYPE


def test_sentinels_become_unknown(shared_data: Path) -> None:
    unknown = read(shared_data / "lamost/dr2/spec-55919-B5591903_sp01-001.fits").identity
    assert (unknown.spectral_class, unknown.spectral_subclass, unknown.redshift) == ("Unknown", "", None)
    dead = read(shared_data / "lamost/dr6-dr7/spec-58575-HD103621N361936B01_sp03-018.fits")
    assert dead.identity.snr_r is None
    assert dead.mask[(dead.wavelength_vac > 6519) & (dead.wavelength_vac < 6732)].all()


def test_obsid_and_designation_of_later_releases(shared_data: Path) -> None:
    identity = read(shared_data / DR10).identity
    assert identity.obsid == 353301001
    assert identity.designation == "J224415.49+193359.7"
    assert identity.release == "LAMOST DR10"
    assert identity.snr_r == pytest.approx(172.27)


def test_normalised_flux_is_kept_where_the_file_has_it(shared_data: Path) -> None:
    for name in (HR3135, DR10):
        spectrum = read(shared_data / name)
        assert spectrum.normalised_flux is not None
        assert np.median(spectrum.normalised_flux) == pytest.approx(1.0, abs=0.1)
        assert not spectrum.normalised
    assert read(shared_data / DR7).normalised_flux is None


def test_identity_falls_back_to_the_file_name(shared_data: Path) -> None:
    with fits.open(shared_data / HR3135) as hdus:
        for card in ("LMJD", "PLANID", "SPID", "FIBERID", "FILENAME"):
            del hdus[0].header[card]
        buffer = io.BytesIO()
        hdus.writeto(buffer)
    named = read_bytes(buffer.getvalue(), source="/mirror/spec-56258-VB054N40V2_sp11-213.fits").identity
    assert (named.lmjd, named.planid, named.spid, named.fiberid) == (56258, "VB054N40V2", 11, 213)
    nameless = read_bytes(buffer.getvalue(), source="upload").identity
    assert (nameless.lmjd, nameless.planid, nameless.fiberid) == (None, "", None)


def test_medium_resolution_gives_the_coadded_arm_at_halpha(shared_data: Path) -> None:
    for path in sorted((shared_data / "lamost/mrs").iterdir()):
        spectrum = read(path)
        assert spectrum.wavelength_vac[0] < 6519
        assert spectrum.wavelength_vac[-1] > 6732
        assert spectrum.resolving_power == 7500
        assert spectrum.identity.survey == "LAMOST MRS"
    assert spectrum.identity.snr_r == pytest.approx(143.84)  # of COADD_R


def test_medium_resolution_gives_another_extension_on_request(shared_data: Path) -> None:
    blue = read(shared_data / MRS, extension="COADD_B")
    assert blue.wavelength_vac[-1] < 5500
    assert np.array_equal(read(shared_data / MRS, extension="1").flux, blue.flux)
    single = read(shared_data / MRS, extension="R-84454650")
    with fits.open(shared_data / MRS) as hdus:
        assert hdus["R-84454650"].data["LOGLAM"][0] > hdus["R-84454650"].data["LOGLAM"][-1]
    assert single.wavelength_vac[0] < single.wavelength_vac[-1]  # turned round
    with pytest.raises(UserError, match=r"it has .*COADD_B, COADD_R"):
        read(shared_data / MRS, extension="COADD_X")


def test_medium_resolution_without_coadd_gives_the_best_exposure(shared_data: Path) -> None:
    with fits.open(shared_data / MRS) as hdus:
        singles = [hdu for hdu in hdus[1:] if not hdu.name.startswith("COADD")]
        best = max((h.header["SNR"], h.name) for h in singles if h.name.startswith("R-"))
        buffer = io.BytesIO()
        fits.HDUList([hdus[0], *singles]).writeto(buffer)
    spectrum = read_bytes(buffer.getvalue(), source="x")
    assert spectrum.identity.snr_r == pytest.approx(best[0])
    assert spectrum.wavelength_vac[0] < 6564 < spectrum.wavelength_vac[-1]


def test_medium_resolution_as_later_releases_write_it(shared_data: Path) -> None:
    """From DR8 on the tables have one row of vectors and a column WAVELENGTH."""
    old = read(shared_data / MRS)
    with fits.open(shared_data / MRS) as hdus:
        data = hdus["COADD_R"].data
        columns = [
            fits.Column(name, f"{len(data)}E", array=[values])
            for name, values in [
                ("FLUX", data["FLUX"]),
                ("IVAR", data["IVAR"]),
                ("WAVELENGTH", 10.0 ** data["LOGLAM"].astype(float)),
                ("ANDMASK", data["ANDMASK"]),
                ("NORMALIZATION", np.ones(len(data))),
            ]
        ]
        table = fits.BinTableHDU.from_columns(columns, header=hdus["COADD_R"].header, name="COADD_R")
        buffer = io.BytesIO()
        fits.HDUList([hdus[0], table]).writeto(buffer)
    new = read_bytes(gzip.compress(buffer.getvalue()), source="x")
    assert np.array_equal(new.flux, old.flux)
    assert np.array_equal(new.mask, old.mask)
    assert new.wavelength_vac == pytest.approx(old.wavelength_vac, abs=1e-3)
    assert new.layout == "lamost-mrs-table"


def test_a_coadd_table_of_another_survey_is_not_taken_for_lamost() -> None:
    """SDSS too calls its table COADD, with FLUX, IVAR and LOGLAM."""
    log_wave = 3.58 + 1e-4 * np.arange(3800)
    flux = 5 + np.sin(log_wave * 300)
    columns = [
        fits.Column("flux", "E", array=flux),
        fits.Column("loglam", "E", array=log_wave),
        fits.Column("ivar", "E", array=np.ones(3800)),
    ]
    primary = fits.PrimaryHDU()
    primary.header["TELESCOP"] = "SDSS 2.5-M"
    buffer = io.BytesIO()
    fits.HDUList([primary, fits.BinTableHDU.from_columns(columns, name="COADD")]).writeto(buffer)
    spectrum = read_bytes(buffer.getvalue(), source="spec-0266-51602-0001.fits")
    assert spectrum.layout == "fits-table"
    assert spectrum.identity.survey == "SDSS"
    assert spectrum.medium == "vacuum"
    assert spectrum.wavelength_vac[0] == pytest.approx(10**3.58, rel=1e-6)
