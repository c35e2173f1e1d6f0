"""Simulated archives, read back by the readers of real files."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from vo_emline.simulate import FRACTIONS, Archive, write_lamost, write_ondrejov
from vo_emline.simulate.files import continuum_shape
from vo_emline.spectra import read


@pytest.fixture(scope="module")
def ondrejov(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return write_ondrejov(tmp_path_factory.mktemp("ondrejov"), n_stars=20, per_star=3, seed=4)


@pytest.fixture(scope="module")
def lamost(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return write_lamost(
        tmp_path_factory.mktemp("lamost"), n_stars=30, per_star=1, seed=4, fractions=FRACTIONS
    )


def digest(directory: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(directory.iterdir())}


def test_ondrejov_files_are_read_as_real_ones(ondrejov):
    row = dict(zip(ondrejov.truth.column_names, (c[0].as_py() for c in ondrejov.truth.columns), strict=True))
    spectrum = read(ondrejov.files[0])
    assert spectrum.identity.survey == "Ondrejov CCD700"
    assert spectrum.identity.object_name == row["object_name"]
    assert spectrum.identity.publisher_did == row["publisher_did"]
    assert spectrum.identity.ra == pytest.approx(row["ra"])
    assert spectrum.identity.epoch_mjd == pytest.approx(row["epoch_mjd"])
    assert spectrum.medium == "air"
    assert spectrum.normalised
    assert spectrum.ivar is None
    assert spectrum.resolving_power == 13_000.0


def test_both_detectors_of_ondrejov_occur(ondrejov):
    assert {len(read(path)) for path in ondrejov.files} == {1757, 1953}


def test_labels_name_the_files_in_the_published_codes(ondrejov):
    with ondrejov.labels.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ondrejov.truth["publisher_did"].to_pylist()
    code = {"emission": "0", "absorption": "1", "double-peak": "3"}
    for row, label, doubtful in zip(
        rows, ondrejov.truth["label"].to_pylist(), ondrejov.truth["doubtful"].to_pylist(), strict=True
    ):
        assert row["label"] == ("2" if doubtful else code[label])


def test_lamost_files_come_in_three_layouts(lamost):
    layouts = [read(path).layout for path in lamost.files[:3]]
    assert layouts == ["lamost-image-continuum", "lamost-image-wavelength", "lamost-coadd-table"]


def test_lamost_identity_is_that_of_the_truth(lamost):
    for path, name, epoch in zip(
        lamost.files[:6],
        lamost.truth["object_name"].to_pylist(),
        lamost.truth["epoch_mjd"].to_pylist(),
        strict=False,
    ):
        identity = read(path).identity
        assert identity.object_name == name
        assert identity.epoch_mjd == pytest.approx(epoch, abs=1e-5)
        assert identity.lmjd == int(epoch) + 1
        assert identity.designation.startswith("J")


def test_the_mjd_card_is_wrong_in_dr1_as_in_real_files(lamost):
    for path, excess in zip(lamost.files[:2], (1, -1), strict=True):
        with fits.open(path) as hdus:
            assert hdus[0].header["MJD"] == hdus[0].header["LMJD"] + excess


def test_dr1_caps_its_signal_to_noise_ratio(lamost):
    assert max(read(path).identity.snr_r for path in lamost.files[::3]) <= 99.0


def test_the_normalised_row_is_about_one(lamost):
    dr1, _, dr10 = (read(path) for path in lamost.files[:3])
    for spectrum in (dr1, dr10):
        near = np.abs(spectrum.wavelength_vac - 6640.0) < 30.0
        assert np.median(spectrum.normalised_flux[near]) == pytest.approx(1.0, abs=0.1)


def test_truth_has_one_row_per_file(lamost, ondrejov):
    for archive in (lamost, ondrejov):
        assert archive.truth["file"].to_pylist() == [path.name for path in archive.files]
        assert all(path.is_file() for path in archive.files)
        assert (archive.directory / "truth.csv").is_file()
    assert ondrejov.truth.num_rows == 60


def test_stars_are_told_by_name(ondrejov):
    assert len(set(ondrejov.truth["object_name"].to_pylist())) == 20


def test_one_seed_gives_the_same_bytes(ondrejov, lamost, tmp_path):
    write_ondrejov(tmp_path / "o", n_stars=20, per_star=3, seed=4)
    write_lamost(tmp_path / "l", n_stars=30, per_star=1, seed=4, fractions=FRACTIONS)
    assert digest(tmp_path / "o") == digest(ondrejov.directory)
    assert digest(tmp_path / "l") == digest(lamost.directory)


def test_another_seed_gives_other_stars(lamost, tmp_path):
    other = write_lamost(tmp_path, n_stars=3, seed=5)
    assert not {path.name for path in other.files} & {path.name for path in lamost.files}
    assert other.truth["ra"][0] != lamost.truth["ra"][0]


def test_headers_have_the_cards_of_real_files(lamost, ondrejov, shared_data):
    """Every card the simulation writes is one that a real file of that layout has."""
    real = [
        "lamost/dr1/spec-55903-B90306_sp06-163.fits",
        "lamost/dr6-dr7/spec-58575-HD103621N361936B01_sp03-003.fits",
        "lamost/dr10/spec-57278-EG224429N215706B01_sp01-001.fits.gz",
    ]
    for path, name in zip(lamost.files[:3], real, strict=True):
        assert set(fits.getheader(path, 0)) <= set(fits.getheader(shared_data / name, 0)) | {"FIBERTYP"}
    real_table = fits.getheader(shared_data / "ondrejov/ua160034.fits", 1)
    assert set(fits.getheader(ondrejov.files[0], 1)) <= set(real_table)


def test_hot_stars_are_blue_and_cool_stars_red():
    wavelength = np.array([4000.0, 6564.614, 9000.0])
    hot, cool = continuum_shape(wavelength, 20_000.0), continuum_shape(wavelength, 3_500.0)
    assert hot[0] > 1 > hot[2]
    assert cool[0] < 1 < cool[2]
    assert hot[1] == pytest.approx(1.0)
