"""Spectra prepared together get, to the last bit, what each gets alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vo_emline.preprocess import PreprocessOptions, needed_wavelengths
from vo_emline.preprocess.prepare import BLOCK, prepare
from vo_emline.spectra import Identity, Spectrum, find_spectra, read_part_or_reject

LAMOST = 10 ** np.arange(3.5682, 3.9591, 1e-4)
FINE = np.arange(6480.0, 6770.0, 0.25)
UNEVEN = np.concatenate([np.arange(6450.0, 6600.0, 0.8), np.arange(6600.0, 6790.0, 1.3)])


def noisy(number: int, *, wave: np.ndarray, power: float, holes: int, redshift: float) -> Spectrum:
    """Draw a spectrum with a line, and bad pixels."""
    random = np.random.default_rng(number)
    line = 0.4 * np.exp(-0.5 * np.square((wave - 6564.6) / 4.0))
    flux = 50.0 * (1.0 + (wave - 6000.0) / 9000.0 - line) + random.normal(size=wave.size)
    mask = np.zeros(wave.size, dtype=bool)
    mask[random.integers(0, wave.size, holes)] = True
    return Spectrum(
        wavelength_vac=wave.copy() if number % 2 else wave,
        flux=np.where(mask & (number % 3 == 0), np.nan, flux),
        ivar=None if number % 5 == 0 else random.uniform(0.5, 1.5, wave.size),
        mask=mask,
        resolving_power=power,
        identity=Identity(source=f"{number}.fits", redshift=redshift),
    )


spectra = st.builds(
    noisy,
    st.integers(0, 10_000),
    wave=st.sampled_from([LAMOST, FINE, UNEVEN]),
    power=st.sampled_from([1800.0, 4000.0]),
    holes=st.sampled_from([0, 0, 5, 60]),
    redshift=st.floats(-0.0015, 0.0015),
)


def assert_alike(found: list[Spectrum], options: PreprocessOptions) -> None:
    together, rejects = prepare(found, options)
    alone = [prepare([one], options) for one in found]
    singles = [windows for windows, _ in alone if len(windows)]
    assert rejects == [reject for _, refused in alone for reject in refused]
    for name in ("flux", "ivar", "continuum", "indices"):
        if singles and getattr(together, name) is not None:
            parts = [getattr(one, name) for one in singles]
            np.testing.assert_array_equal(getattr(together, name), np.concatenate(parts))
    sources = [one.identity["source"][0].as_py() for one in singles]
    assert together.identity["source"].to_pylist() == sources


@settings(max_examples=25, deadline=None)
@given(st.lists(spectra, min_size=1, max_size=12), st.sampled_from(["line", "none", "pipeline"]))
def test_company_changes_no_bit(found: list[Spectrum], continuum: str) -> None:
    assert_alike(found, PreprocessOptions(continuum=continuum, lsf="physical"))


def test_more_spectra_than_are_held_at_a_time() -> None:
    found = [noisy(n, wave=(LAMOST, FINE)[n % 3 == 0], power=1800.0, holes=n % 4, redshift=0.0)
             for n in range(2 * BLOCK + 3)]  # fmt: skip
    found[BLOCK + 1] = replace(found[BLOCK + 1], mask=np.ones(len(found[BLOCK + 1]), dtype=bool))
    assert_alike(found, PreprocessOptions())


def test_real_spectra(shared_data: Path) -> None:
    options = PreprocessOptions()
    between = needed_wavelengths(options)
    paths = find_spectra([shared_data / "lamost", shared_data / "ondrejov"])
    read = [read_part_or_reject(str(path), between=between) for path in paths]
    assert_alike([one for one in read if isinstance(one, Spectrum)], options)


def test_no_spectra_give_no_windows() -> None:
    windows, rejects = prepare([])
    assert (len(windows), rejects) == (0, [])
    assert windows.indices is not None
    assert windows.indices.shape[0] == 0


@pytest.mark.parametrize("wave", [LAMOST, FINE, UNEVEN], ids=["survey", "fine", "uneven"])
def test_a_line_is_where_it_was(wave: np.ndarray) -> None:
    windows, _ = prepare([noisy(2, wave=wave, power=1800.0, holes=0, redshift=0.0)])
    assert abs(int(windows.flux[0].argmin()) - 29.8) < 3
