from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vo_emline.preprocess import GRID, THESIS, PreprocessOptions, WindowSet, concatenate, identity_at
from vo_emline.preprocess.lsf import line_spread_sigma
from vo_emline.preprocess.prepare import prepare
from vo_emline.spectra import Spectrum, find_spectra, read

Make = Callable[..., Spectrum]
HALPHA = 6564.614


def unscaled(windows: WindowSet) -> np.ndarray:
    return windows.flux * windows.continuum[:, 1:] + windows.continuum[:, :1]


def codes(*spectra: Spectrum, **options: object) -> list[str]:
    windows, rejects = prepare(spectra, PreprocessOptions(**options))  # type: ignore[arg-type]
    assert len(windows) + len(rejects) == len(spectra)
    return [reject.code for reject in rejects]


def test_every_real_spectrum_has_a_window_save_the_dead_one(shared_data: Path) -> None:
    files = find_spectra([shared_data / name for name in ("lamost", "ondrejov", "formats")])
    windows, rejects = prepare(read(path) for path in files)
    assert len(windows) == 257
    assert [(Path(r.source).name, r.code) for r in rejects] == [
        ("spec-58575-HD103621N361936B01_sp03-018.fits", "no_signal")
    ]
    assert np.isfinite(windows.flux).all()
    assert np.isfinite(windows.ivar).all()
    assert windows.flux.mean(axis=1) == pytest.approx(np.zeros(257), abs=1e-5)
    assert windows.flux.std(axis=1) == pytest.approx(np.ones(257), abs=1e-5)
    assert windows.identity["source"].to_pylist() == [str(f) for f in files if "sp03-018" not in f.name]


@pytest.mark.parametrize("lsf", ["physical", "thesis", "none"])
@pytest.mark.parametrize("scaling", ["standardise", "minmax"])
def test_together_is_the_same_as_one_by_one(shared_data: Path, lsf: str, scaling: str) -> None:
    names = [
        "lamost/dr1/spec-56284-GAC122S02V2_sp14-183.fits",
        "ondrejov/td240024.fits",
        "lamost/dr1/spec-55903-B90306_sp06-163.fits",
        "lamost/mrs/med-58649-TD193637N444141K01_sp10-159.fits.gz",
        "ondrejov/a201402030013.fits",
    ]
    spectra = [read(shared_data / name) for name in names]
    options = PreprocessOptions(lsf=lsf, scaling=scaling)  # type: ignore[arg-type]
    together, _ = prepare(spectra, options)
    alone = concatenate([prepare([spectrum], options)[0] for spectrum in spectra])
    assert together.flux == pytest.approx(alone.flux, abs=1e-6)
    assert together.ivar == pytest.approx(alone.ivar, rel=1e-5)
    assert together.identity.equals(alone.identity)
    # the preparation adds nothing to an identity but what it found in the pixels
    assert replace(identity_at(together.identity, 3), read_flags="") == spectra[3].identity


def test_thesis_recipe_on_a_real_spectrum(shared_data: Path) -> None:
    """Written out as in the thesis's notebook 07: air2vac, convolve, interp, scale."""
    from astropy.convolution import Gaussian1DKernel, convolve
    from sklearn.preprocessing import scale

    spectrum = read(shared_data / "ondrejov/td240024.fits")
    blurred = convolve(spectrum.flux, Gaussian1DKernel(7), boundary="extend")
    expected = scale(np.interp(np.linspace(6519, 6732, 140), spectrum.wavelength_vac, blurred))
    windows, _ = prepare([spectrum], THESIS)
    # the cut-out ends a little beyond the window, the thesis's at the end of the file
    assert windows.flux[0] == pytest.approx(expected, abs=2e-3)


def test_thesis_recipe_takes_the_normalised_row_of_dr1(shared_data: Path) -> None:
    spectrum = read(shared_data / "lamost/dr1/spec-56284-GAC122S02V2_sp14-183.fits")
    assert spectrum.normalised_flux is not None
    windows, _ = prepare([spectrum], THESIS)
    expected = np.interp(GRID, spectrum.wavelength_vac, spectrum.normalised_flux)
    assert unscaled(windows)[0] == pytest.approx(expected, rel=1e-5)


def test_a_line_gets_the_width_of_the_target(make_spectrum: Make) -> None:
    wave = np.arange(6400.0, 6850.0, 0.25)
    sigma = line_spread_sigma(13_000)
    narrow = 1 + 5 * np.exp(-0.5 * ((wave - HALPHA) / sigma) ** 2)
    spectrum = make_spectrum(wave, flux=narrow, resolving_power=13_000)
    windows, _ = prepare([spectrum], PreprocessOptions(continuum="none"))
    line = unscaled(windows)[0] - 1
    width = np.sqrt(np.sum(line * (GRID - HALPHA) ** 2) / line.sum())
    # linear interpolation onto pixels of 1.53 Å widens it by a little more
    assert width == pytest.approx(line_spread_sigma(1800), rel=0.05)
    area = line.sum() * np.diff(GRID)[0]
    assert area == pytest.approx(5 * sigma * np.sqrt(2 * np.pi), rel=0.01)


def test_pixels_of_unequal_width_are_blurred_alike(make_spectrum: Make) -> None:
    even = np.arange(6400.0, 6850.0, 0.25)
    uneven = np.concatenate([np.arange(6400.0, 6600.0, 0.2), np.arange(6600.0, 6850.0, 0.45)])
    spectra = [make_spectrum(wave, resolving_power=13_000) for wave in (even, uneven)]
    windows, _ = prepare(spectra, PreprocessOptions(continuum="none"))
    assert windows.flux[0] == pytest.approx(windows.flux[1], abs=0.02)


def test_emission_without_inverse_variance_stays(shared_data: Path) -> None:
    spectrum = read(shared_data / "lamost/dr1/spec-56284-GAC122S02V2_sp14-183.fits")
    windows, _ = prepare([spectrum])
    peak = int(windows.flux[0].argmax())
    assert abs(GRID[peak] - HALPHA) < 5
    assert unscaled(windows)[0, peak] > 2  # HR 3135: over twice the continuum
    assert windows.ivar[0, peak] == 0


def test_bad_pixels_are_bridged_and_have_no_inverse_variance(make_spectrum: Make) -> None:
    wave = np.arange(6450.0, 6800.0, 1.0)
    mask = np.abs(wave - 6650) < 2
    flux = np.where(mask, 1e9, 1 + 0.1 * np.sin(wave / 3))
    windows, _ = prepare([make_spectrum(wave, flux=flux, mask=mask, ivar=np.ones(wave.size))])
    assert np.abs(windows.flux).max() < 5
    assert np.all(windows.ivar[0, np.abs(GRID - 6650) < 2] == 0)
    assert np.all(windows.ivar[0, np.abs(GRID - 6650) > 5] > 0)


def test_inverse_variance_keeps_the_signal_to_noise(make_spectrum: Make) -> None:
    spectrum = make_spectrum(ivar=np.full(350, 2500.0))
    for continuum in ("line", "none"):
        windows, _ = prepare([spectrum], PreprocessOptions(continuum=continuum))  # type: ignore[arg-type]
        noise = windows.continuum[0, 1] / np.sqrt(windows.ivar[0])
        # interpolation averages two pixels: between 1 and √2 better
        assert (1 / noise).min() == pytest.approx(50, rel=0.02)
        assert (1 / noise).max() == pytest.approx(50 * np.sqrt(2), rel=0.02)


def test_no_inverse_variance_is_zero(make_spectrum: Make) -> None:
    windows, _ = prepare([make_spectrum()])
    assert not windows.ivar.any()


def test_what_the_fibre_saw(make_spectrum: Make) -> None:
    kinds = ("Obj", "Sky", "F-Std", "SKY", "Unused", "Dead", "")
    assert codes(*(make_spectrum(fiber_type=kind) for kind in kinds)) == [
        "sky_fibre",
        "sky_fibre",
        "unused_fibre",
        "unused_fibre",
    ]


@pytest.mark.parametrize("ends", [(3700.0, 6600.0), (6530.0, 6800.0), (4000.0, 5000.0), (6600.0, 6800.0)])
def test_a_window_must_be_covered(make_spectrum: Make, ends: tuple[float, float]) -> None:
    assert codes(make_spectrum(np.arange(*ends))) == ["not_covered"]


def test_partial_coverage_on_request_but_never_without_the_line(make_spectrum: Make) -> None:
    nearly, without = make_spectrum(np.arange(6500.0, 6725.0)), make_spectrum(np.arange(6566.0, 6800.0))
    windows, rejects = prepare([nearly, without], PreprocessOptions(minimum_coverage=0.5))
    assert [reject.code for reject in rejects] == ["not_covered"]
    assert len(windows) == 1


def test_the_blue_arm_of_medium_resolution_is_not_covered(shared_data: Path) -> None:
    blue = read(shared_data / "lamost/mrs/med-58649-TD193637N444141K01_sp10-159.fits.gz", extension="COADD_B")
    _, rejects = prepare([blue])
    assert [reject.code for reject in rejects] == ["not_covered"]
    assert "4907" in rejects[0].message


def test_reasons_in_the_pixels(make_spectrum: Make) -> None:
    wave = np.arange(6450.0, 6800.0, 1.0)
    inside = (wave >= 6519) & (wave <= 6732)
    assert codes(
        make_spectrum(wave, flux=np.where(inside, 0.0, 1.0)),
        make_spectrum(wave, mask=inside),
        make_spectrum(wave, mask=inside & (wave > 6600) & (wave < 6650)),
        make_spectrum(wave, mask=np.abs(wave - HALPHA) < 4),
        make_spectrum(wave, flux=np.full(wave.size, 3.0)),
    ) == ["no_signal", "no_signal", "too_many_bad_pixels", "too_many_bad_pixels", "constant"]


def test_gaps_and_low_resolution_are_too_coarse(make_spectrum: Make) -> None:
    """Pixels that a file leaves out must not be bridged as if they had been there."""
    wave = np.arange(6450.0, 6800.0, 1.0)
    gap = wave[np.abs(wave - HALPHA) > 6]
    assert codes(make_spectrum(gap), make_spectrum(np.arange(3000.0, 9000.0, 20.0))) == ["too_coarse"] * 2


def test_nothing_in_nothing_out() -> None:
    windows, rejects = prepare([])
    assert (len(windows), windows.flux.shape, windows.identity.num_rows, rejects) == (0, (0, 140), 0, [])


def test_extreme_fluxes_make_finite_windows(make_spectrum: Make) -> None:
    wave = np.arange(6450.0, 6800.0, 1.0)
    noise = np.random.default_rng(8).normal(size=wave.size)
    spectra = [make_spectrum(wave, flux=noise * size, ivar=np.full(350, 1e38)) for size in (1e-20, 1e30)]
    windows, _ = prepare(spectra)
    assert np.isfinite(windows.flux).all()
    assert np.isfinite(windows.ivar).all()


def test_lamost_spectra_are_worked_on_together(shared_data: Path) -> None:
    """Many together take a fraction of the processor time that one at a time take.

    In a process of its own, where arguments are not checked as they are here.
    """
    code = (
        "import sys, time; from pathlib import Path;"
        "from vo_emline.preprocess.prepare import prepare; from vo_emline.spectra import read;"
        "spectra = [read(path) for path in sorted(Path(sys.argv[1]).iterdir())] * 20;"
        "clock = time.process_time; prepare(spectra[:50]);"
        "first = clock(); alone = [prepare([one]) for one in spectra]; second = clock();"
        "used = [second] + [prepare(spectra) and clock() for _ in range(3)];"
        "print((second - first) / min(b - a for a, b in zip(used, used[1:])))"
    )
    command = [sys.executable, "-c", code, str(shared_data / "lamost/dr1")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) > 4
