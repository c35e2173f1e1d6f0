"""The detector that needs no training."""

from __future__ import annotations

import numpy as np

from vo_emline.labels import ABSORPTION, DOUBLE_PEAK, EMISSION
from vo_emline.measure import Thresholds, detect, measure_flux, measure_windows, strength
from vo_emline.preprocess.prepare import prepare
from vo_emline.preprocess.windows import GRID
from vo_emline.spectra import read

POSITIVE = (
    "spec-56284-GAC122S02V2_sp14-183",
    "spec-56265-VB069N07V2_sp04-027",
    "spec-55959-GAC_094N27_V3_sp16-125",
)


def test_classes_of_clear_lines(inject, gaussian):
    double = 5.0 * (gaussian(-180.0, 150.0) + gaussian(180.0, 150.0))
    assert np.all(detect(measure_flux(*inject(8.0 * gaussian(0.0, 250.0), n=100))) == EMISSION)
    assert np.all(detect(measure_flux(*inject(double, n=100))) == DOUBLE_PEAK)
    assert np.all(detect(measure_flux(*inject(-4.0 * gaussian(0.0, 400.0), n=100))) == ABSORPTION)


def test_emission_in_the_core_of_a_photospheric_line_counts(inject, gaussian):
    reversed_core = 3.0 * gaussian(0.0, 180.0) - 9.0 * gaussian(0.0, 900.0)
    lines = measure_flux(*inject(reversed_core, n=100, snr=100.0))
    assert np.all(lines.ew > 0)
    assert np.all(detect(lines) == EMISSION)


def test_noise_is_not_called_emission(inject):
    for snr in (3.0, 10.0, 100.0):
        lines = measure_flux(*inject(np.zeros(GRID.size), n=1000, snr=snr))
        assert np.mean(detect(lines) != ABSORPTION) < 0.005


def test_strength_grows_with_the_line(inject, gaussian):
    weak, strong = (strength(measure_flux(*inject(ew * gaussian(0.0, 200.0)))) for ew in (1.0, 3.0))
    assert np.median(strong) > 2.0 * np.median(weak)


def test_without_a_continuum_there_is_no_emission():
    lines = measure_flux(np.zeros((2, GRID.size)), None)
    assert np.all(detect(lines, Thresholds(strength=0.1)) == ABSORPTION)


def test_real_positives_are_found_and_no_ordinary_star_is(shared_data):
    paths = sorted(shared_data.glob("lamost/dr1*/*.fits"))
    windows, _ = prepare(read(path) for path in paths)
    found = np.asarray(windows.identity["source"].to_pylist())[detect(measure_windows(windows)) != ABSORPTION]
    assert sorted(name.rsplit("/", 1)[1].removesuffix(".fits") for name in found) == sorted(POSITIVE)
