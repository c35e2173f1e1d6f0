"""Windows for training, and how they compare with real ones."""

from __future__ import annotations

import numpy as np
import pytest

from vo_emline.preprocess import GRID, PreprocessOptions
from vo_emline.preprocess.prepare import prepare
from vo_emline.simulate import simulate_windows, write_lamost
from vo_emline.simulate.windows import SimulatedWindows
from vo_emline.spectra import read


@pytest.fixture(scope="module")
def simulated() -> SimulatedWindows:
    return simulate_windows(1500, seed=8)


def test_shapes_and_types(simulated):
    assert len(simulated) == simulated.truth.num_rows == 1500
    assert simulated.flux.shape == simulated.ivar.shape == (1500, 140)
    assert simulated.flux.dtype == np.float32
    assert np.isfinite(simulated.flux).all()
    assert (simulated.ivar >= 0).all()


def test_all_three_classes_occur(simulated):
    assert set(simulated.truth["label"].to_pylist()) == {"absorption", "emission", "double-peak"}


def test_the_same_seed_gives_the_same_bits(simulated):
    again = simulate_windows(1500, seed=8)
    assert again.flux.tobytes() == simulated.flux.tobytes()
    assert again.truth.equals(simulated.truth)
    assert simulate_windows(20, seed=9).flux.tobytes() != simulated.flux[:20].tobytes()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_windows_are_as_good_as_many(n):
    assert len(simulate_windows(n, seed=1, per_star=1).prepare()) == n


def test_releases_alternate(simulated):
    """Every other window has the spoilt inverse variance of DR1 at Hα."""
    near, side = np.abs(GRID - 6564.6) < 7.0, (GRID > 6600.0) & (GRID < 6640.0)
    change = np.median(simulated.ivar[:, near], axis=1) / np.median(simulated.ivar[:, side], axis=1)
    assert np.mean(change[0::2] < 0.2) > 0.98
    assert np.mean(change[1::2] > 0.2) > 0.98


def test_prepared_windows_are_standardised_and_named(simulated):
    windows = simulated.prepare()
    np.testing.assert_allclose(windows.flux.mean(axis=1), 0.0, atol=1e-4)
    np.testing.assert_allclose(windows.flux.std(axis=1), 1.0, atol=1e-3)
    assert windows.identity["object_name"].to_pylist() == simulated.truth["object_name"].to_pylist()
    assert windows.identity["survey"][0].as_py() == "LAMOST LRS"


def test_prepared_windows_follow_the_options(simulated):
    windows = simulated.prepare(PreprocessOptions(scaling="minmax", continuum="none"))
    np.testing.assert_allclose(windows.flux.max(axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(windows.flux.min(axis=1), -1.0, atol=1e-5)


def test_windows_are_those_of_the_files_but_for_noise(tmp_path):
    """The fast way and the way through FITS files show the same stars."""
    bright = {"single": 1.0}
    archive = write_lamost(tmp_path, n_stars=40, seed=3, fractions=bright, releases=("dr7",))
    by_file, _ = prepare(read(path) for path in archive.files)
    fast = simulate_windows(40, seed=3, fractions=bright, releases=("dr7",)).prepare()
    strong = (archive.truth["significance"].to_numpy() > 100) & (archive.truth["snr"].to_numpy() > 30)
    likeness = [np.corrcoef(by_file.flux[i], fast.flux[i])[0, 1] for i in np.flatnonzero(strong)]
    assert len(likeness) >= 5
    assert min(likeness) > 0.9


def test_ondrejov_windows_are_at_survey_resolution():
    clean = simulate_windows(200, seed=2, survey="ondrejov", fractions={"nebular": 1.0})
    assert clean.truth["lsf_sigma"].to_pylist() == pytest.approx([1.76] * 200)
    assert not clean.ivar.any()


def test_clean_windows_are_the_same_spectra_without_noise(simulated):
    """At high S/N nothing but the response of the instrument, a few per cent, lies between them."""
    assert simulated.clean.shape == simulated.flux.shape
    good = np.array(simulated.truth["snr"]) > 100
    ratio = simulated.flux[good] / np.maximum(simulated.clean[good], 0.05)
    ratio /= np.median(ratio, axis=1, keepdims=True)
    assert np.median(np.abs(ratio - 1.0)) < 0.03
    emission = np.array(simulated.truth["ew"])[good] < -10
    assert simulated.clean[good][emission].max(axis=1).min() > 1.2
