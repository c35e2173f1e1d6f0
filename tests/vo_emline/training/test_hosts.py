"""Injection training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vo_emline.labels import LABELS
from vo_emline.preprocess import GRID, PreprocessOptions, WindowSet
from vo_emline.preprocess.prepare import prepare
from vo_emline.simulate import simulate_windows
from vo_emline.spectra import HALPHA_VAC, find_spectra, read
from vo_emline.training.blemishes import HOT_PIXELS, OVERSUBTRACTED
from vo_emline.training.examples import Examples
from vo_emline.training.hosts import (
    INJECTED,
    NEGATIVE,
    SCREEN,
    excess,
    host_examples,
    inject,
    without_known_emitters,
)
from vo_emline.training.labelled import match_labels, read_labels
from vo_emline.training.simulated import simulated_examples

CORE = np.abs(GRID - HALPHA_VAC) < 8


@pytest.fixture(scope="module")
def survey() -> WindowSet:
    """Simulated LAMOST windows of stars without emission."""
    simulated = simulate_windows(200, seed=3, fractions={"normal": 1.0})
    return simulated_examples(simulated).windows


@pytest.fixture(scope="module")
def examples(survey: WindowSet) -> Examples:
    return host_examples(survey, negatives=300, injected=300, seed=0)


def unscaled(windows: WindowSet) -> np.ndarray:
    return windows.flux * windows.continuum[:, 1:] + windows.continuum[:, :1]


def test_negatives_are_the_survey_spectra_themselves_each_about_as_often(
    examples: Examples, survey: WindowSet
) -> None:
    rows = np.flatnonzero(np.array(examples.origin) == NEGATIVE)
    assert len(rows) == 300
    assert (examples.label[rows] == 0).all()
    given = {window.tobytes() for window in survey.flux}
    drawn = [window.tobytes() for window in examples.windows.flux[rows]]
    assert {drawn.count(one) for one in given & set(drawn)} <= {1, 2}
    spoilt = np.mean([one not in given for one in drawn])
    assert spoilt == pytest.approx(OVERSUBTRACTED + HOT_PIXELS, abs=0.04)


def test_injected_spectra_rise_above_their_continuum(examples: Examples) -> None:
    rows = np.flatnonzero(np.array(examples.origin) == INJECTED)
    assert 150 < len(rows) <= 300
    assert set(examples.label[rows]) == {1, 2}
    brighter = excess(examples.windows.take(rows))
    quiet = excess(examples.windows.take(np.flatnonzero(np.array(examples.origin) == NEGATIVE)))
    assert np.median(brighter) > 10 > np.quantile(quiet, 0.95)


def test_an_injected_spectrum_keeps_the_identity_and_the_far_continuum_of_its_host(survey: WindowSet) -> None:
    hosts = survey.take(np.repeat(np.arange(5), 8))
    injected = inject(hosts, seed=1, options=PreprocessOptions())
    names = survey.identity["source"].to_pylist()[:5]
    assert set(injected.windows.identity["source"].to_pylist()) <= set(names)
    far = np.abs(GRID - HALPHA_VAC) > 100
    for i, name in enumerate(injected.windows.identity["source"].to_pylist()):
        host = unscaled(survey.take([names.index(name)]))[0]
        difference = unscaled(injected.windows.take([i]))[0] - host
        assert difference[CORE].max() > 3 * np.abs(difference[far]).max() or np.ptp(difference) < 0.1


def test_rows_of_one_spectrum_are_one_star(examples: Examples) -> None:
    star = examples.stars()
    source = np.array(examples.windows.identity["source"].to_pylist())
    for one in set(source[:20]):
        assert len(set(star[source == one])) == 1
    assert len(set(star)) > 100


def test_the_seed_decides(survey: WindowSet) -> None:
    one, same, other = (host_examples(survey, negatives=20, injected=20, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.windows.flux, same.windows.flux)
    np.testing.assert_array_equal(one.label, same.label)
    assert not np.array_equal(one.windows.flux[:20], other.windows.flux[:20])


def test_emitters_pass_neither_as_negatives_nor_as_hosts() -> None:
    strong = simulate_windows(60, seed=5, fractions={"single": 1.0})
    emitters = simulated_examples(strong).windows
    loud = emitters.take(excess(emitters) > SCREEN)
    assert len(loud) > 20
    assert len(host_examples(loud, negatives=10, injected=10, seed=0)) == 0


def test_the_real_emitters_are_screened_out_and_hardly_any_other(shared_data: Path) -> None:
    folder = shared_data / "lamost"
    windows, _ = prepare(read(path) for path in find_spectra([folder / "dr1", folder / "dr1-plate"]))
    loud = windows.take(excess(windows) > SCREEN).identity["source"].to_pylist()
    assert [Path(source).stem for source in loud] == [
        "spec-55959-GAC_094N27_V3_sp16-125",
        "spec-56265-VB069N07V2_sp04-027",
        "spec-56284-GAC122S02V2_sp14-183",
    ]


def test_survey_spectra_of_labelled_emitters_are_no_negatives(shared_data: Path) -> None:
    survey, _ = prepare(read(path) for path in find_spectra([shared_data / "lamost" / "dr1"]))
    known, _ = prepare(read(path) for path in find_spectra([shared_data / "ondrejov"]))
    labels = match_labels(known.identity, read_labels(shared_data / "catalogues" / "ondrejov-labels.csv"))
    kept = without_known_emitters(survey, Examples.of(known, labels.label, origin="labelled"))
    dropped = set(survey.identity["source"].to_pylist()) - set(kept.identity["source"].to_pylist())
    # the telescope's coordinates of these bright stars are off by up to 16.6 arcsec
    assert {Path(source).stem for source in dropped} == {
        "spec-55959-GAC_094N27_V3_sp16-125",
        "spec-56265-VB069N07V2_sp04-027",
        "spec-56284-GAC122S02V2_sp14-183",
    }


def test_labels_follow_the_shape(examples: Examples) -> None:
    double = np.flatnonzero(examples.label == LABELS.index("double-peak"))
    flux = unscaled(examples.windows.take(double))
    middle = flux[:, np.abs(GRID - HALPHA_VAC) < 25]
    maxima = (middle[:, 1:-1] > middle[:, :-2]) & (middle[:, 1:-1] > middle[:, 2:])
    assert (maxima.sum(axis=1) >= 2).mean() > 0.9
