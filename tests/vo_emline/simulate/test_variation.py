"""Variations of a library look like spectra that are simulated in full, and their truth is true."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vo_emline.preprocess import GRID, PreprocessOptions
from vo_emline.simulate import SKY_FRACTIONS, simulate_windows
from vo_emline.simulate.library import (
    PIXELS,
    SHIFTS_KMS,
    Library,
    Variations,
    build_library,
    coverages,
    designations,
    identities,
    spectral_types,
    vary,
    with_prevalence,
)
from vo_emline.simulate.stars import designation, spectral_type
from vo_emline.spectra import HALPHA_VAC

NEAR = np.abs(GRID - HALPHA_VAC) < 6.0


@pytest.fixture(scope="module")
def library() -> Library:
    return build_library(600, seed=4)


@pytest.fixture(scope="module")
def varied(library: Library) -> Variations:
    random = np.random.default_rng(1)
    return vary(library, 4000, prevalence=0.5, random=random, options=PreprocessOptions())


def test_half_of_a_library_has_emission_of_every_family(library: Library) -> None:
    families = library.truth["family"].to_pylist()
    emitting = [family for family in families if family not in ("normal", "featureless")]
    assert 0.4 < len(emitting) / len(library) < 0.6
    assert set(families) == set(SKY_FRACTIONS)
    assert sum(with_prevalence(0.3).values()) == pytest.approx(1.0)


def test_a_library_on_disk_is_the_one_in_memory(library: Library, tmp_path: Path) -> None:
    assert not Library.is_complete(tmp_path)
    library.write(tmp_path)
    assert Library.is_complete(tmp_path)
    found = Library.open(tmp_path)
    assert isinstance(found.signal, np.memmap)
    np.testing.assert_array_equal(found.signal, library.signal)
    assert found.truth.equals(library.truth)


def test_shifted_stars_are_shifted_by_what_the_truth_says(library: Library) -> None:
    """The strongest lines move by 80 km/s, 1.75 Å, from the first shift to the last."""
    strong = np.argsort(library.truth["ew"].to_numpy())[:20]
    first, last = library.signal[0, strong] - 1.0, library.signal[-1, strong] - 1.0
    centre = [
        (PIXELS * np.clip(line, 0, None)).sum(1) / np.clip(line, 0, None).sum(1) for line in (first, last)
    ]
    assert np.median(centre[1] - centre[0]) == pytest.approx(
        HALPHA_VAC * np.ptp(SHIFTS_KMS) / 299_792.458, rel=0.05
    )


def test_windows_are_standardised_and_usable(varied: Variations) -> None:
    np.testing.assert_allclose(varied.flux.mean(axis=1), 0.0, atol=1e-4)
    np.testing.assert_allclose(varied.flux.std(axis=1), 1.0, atol=1e-3)
    assert np.isfinite(varied.ivar).all()
    assert (varied.ivar >= 0).all()
    assert np.mean(varied.ivar == 0) < 0.01


def test_the_prevalence_is_what_was_asked_for(library: Library) -> None:
    random, options = np.random.default_rng(2), PreprocessOptions()
    labels = vary(library, 20_000, prevalence=0.02, random=random, options=options).truth["label"]
    emitting = np.mean(np.asarray(labels) != "absorption")
    assert emitting == pytest.approx(0.02, abs=4 * np.sqrt(0.02 * 0.98 / 20_000))


def test_the_truth_is_that_of_the_window(varied: Variations) -> None:
    """Strong emission rises at Hα where the truth says emission, and nowhere else."""
    truth = varied.truth
    clear = truth["significance"].to_numpy() > 60
    absorption = (np.asarray(truth["label"]) == "absorption") & (truth["snr"].to_numpy() > 20)
    height = varied.flux[:, NEAR].max(axis=1)
    assert np.mean(height[clear] > 2.0) > 0.9  # the others fill deep absorption up
    assert np.mean(height[absorption] < 2.0) > 0.95
    faint = truth["significance"].to_numpy() < 5.0
    emitting = np.asarray(truth["label"]) != "absorption"
    assert np.asarray(truth["doubtful"])[emitting & faint].all()


def test_no_two_windows_are_alike_though_the_stars_are(varied: Variations, library: Library) -> None:
    assert len(varied.flux) > 5 * len(library)
    assert len(np.unique(varied.flux[:, 0])) > 0.99 * len(varied.flux)


def test_noise_and_faults_are_those_of_full_simulations(library: Library) -> None:
    """Scatter beside the line, its likeness from pixel to pixel and the stated noise agree in the median."""
    full = simulate_windows(1500, seed=5, fractions=with_prevalence(0.0), releases=("dr10",))
    prepared = full.prepare()
    options = PreprocessOptions()
    quick = vary(library, 1500, prevalence=0.0, random=np.random.default_rng(3), options=options)
    far = GRID > 6600.0

    def facts(flux: np.ndarray, ivar: np.ndarray, continuum: np.ndarray) -> list[float]:
        unscaled = flux.astype(float) * continuum[:, 1:] + continuum[:, :1]
        step = np.diff(unscaled[:, far], axis=1)
        scatter = np.std(step, axis=1)
        likeness = [np.corrcoef(one[:-1], one[1:])[0, 1] for one in step]
        noise = continuum[:, 1] / np.sqrt(np.median(ivar[:, far], axis=1))
        return [float(np.median(each)) for each in (scatter, likeness, noise)]

    ours = facts(quick.flux, quick.ivar, quick.continuum)
    theirs = facts(prepared.flux, prepared.ivar, prepared.continuum)
    assert ours == pytest.approx(theirs, rel=0.15, abs=0.03)


def test_identities_say_what_those_of_files_say(varied: Variations) -> None:
    truth = varied.truth.slice(0, 300)
    table = identities(truth, first=249, seed=7)
    positions = zip(truth["ra"].to_pylist(), truth["dec"].to_pylist(), strict=True)
    assert table["designation"].to_pylist() == [designation(ra, dec) for ra, dec in positions]
    assert table["obsid"][0].as_py() == 9_000_000_249
    assert table["fiberid"].to_pylist()[:2] == [250, 1]
    assert table["spid"].to_pylist()[:2] == [1, 2]
    assert len(set(table["source"].to_pylist())) == 300
    galaxies = {row["spectral_class"] for row in table.to_pylist() if not row["spectral_subclass"]}
    assert galaxies <= {"GALAXY"}
    assert coverages(3)["n_pixels"].to_pylist() == [3909] * 3


def test_many_at_a_time_is_one_at_a_time() -> None:
    random = np.random.default_rng(8)
    ra, dec = random.uniform(0, 360, 200), random.uniform(-90, 90, 200)
    assert designations(ra, dec).to_pylist() == [designation(*place) for place in zip(ra, dec, strict=True)]
    teff = np.arange(2600.0, 41_000.0, 250.0)
    assert spectral_types(teff).to_pylist() == [spectral_type(each) for each in teff]
