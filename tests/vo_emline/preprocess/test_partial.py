"""Spectra that end within the window are filled with their continuum, flagged, and classified."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vo_emline.preprocess import PreprocessOptions
from vo_emline.preprocess.partial import completed, holds_the_line
from vo_emline.preprocess.prepare import prepare
from vo_emline.preprocess.windows import GRID
from vo_emline.spectra import HALPHA_VAC, Identity, Spectrum

WAVE = np.arange(6500.0, 6760.0, 0.5)


def spectrum(first: float = 6400.0, last: float = 6800.0) -> Spectrum:
    line = 0.8 * np.exp(-0.5 * ((WAVE - HALPHA_VAC) / 4) ** 2)
    flux = (2 + 0.004 * (WAVE - HALPHA_VAC)) * (1 + line) + 0.001 * np.sin(WAVE * 5)
    keep = (first <= WAVE) & (last >= WAVE)
    return Spectrum(
        wavelength_vac=WAVE[keep],
        flux=flux[keep],
        ivar=np.full(keep.sum(), 1e4),
        mask=np.zeros(keep.sum(), dtype=bool),
        resolving_power=1800.0,
        identity=Identity(source="x"),
    )


@pytest.mark.parametrize(
    ("first", "last"), [(6400, 6700), (6400, 6640), (6400, 6608), (6521, 6800), (6522, 6610)]
)
def test_what_is_missing_is_the_straight_continuum(first: float, last: float) -> None:
    whole, _ = prepare([spectrum()])
    part, rejects = prepare([spectrum(first, last)])
    assert not rejects
    assert part.identity["read_flags"].to_pylist() == ["partial_window"]
    assert np.abs(part.flux[0] - whole.flux[0]).max() < 0.05
    outside = (first - 4 > GRID) | (last + 4 < GRID)
    assert (part.ivar[0][outside] == 0).all()
    assert (part.ivar[0][np.abs(GRID - HALPHA_VAC) < 30] > 0).all()
    assert part.coverage is not None
    assert part.coverage["wave_max"][0].as_py() <= last  # what the file holds, not what was filled


@pytest.mark.parametrize(("first", "last"), [(6400, 6600), (6530, 6800), (6400, 6560)])
def test_without_wings_and_both_continua_there_is_no_window(first: float, last: float) -> None:
    assert not holds_the_line(first, last)
    windows, rejects = prepare([spectrum(first, last)])
    assert len(windows) == 0
    assert [one.code for one in rejects] == ["not_covered"]


def test_whole_spectra_are_left_as_they_are() -> None:
    one = spectrum()
    assert completed(one, PreprocessOptions()) is one
    short = spectrum(last=6700)
    assert completed(short, PreprocessOptions(minimum_coverage=0.8)) is short


def test_a_side_whose_pixels_are_all_bad_is_not_carried_on() -> None:
    one = spectrum(last=6620)
    dead = replace(one, mask=one.mask | (one.wavelength_vac > HALPHA_VAC + 30))
    assert completed(dead, PreprocessOptions()) is dead
