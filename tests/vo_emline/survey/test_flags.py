"""Quality flags."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from vo_emline.preprocess import GRID, PreprocessOptions, WindowSet, identity_table
from vo_emline.spectra import HALPHA_VAC, Identity, find_spectra
from vo_emline.survey import FLAGS, SurveyOptions, prepare_files
from vo_emline.survey.flags import find_candidates, flag, ivar_suspect, look_for_nebulae, signal_to_noise
from vo_emline.survey.model import Predicted

SURE = np.array([0.98, 0.01, 0.01], dtype=np.float32)
FOUND = np.array([0.01, 0.98, 0.01], dtype=np.float32)
TORN = np.array([0.45, 0.55, 0.0], dtype=np.float32)


def windows(*identities: Identity, ivar: float = 100.0) -> WindowSet:
    n = len(identities)
    return WindowSet(
        flux=np.zeros((n, 140), dtype=np.float32),
        ivar=np.full((n, 140), ivar, dtype=np.float32),
        continuum=np.tile(np.array([1.0, 0.5], dtype=np.float32), (n, 1)),
        identity=identity_table(identities),
    )


def flags_of(one: WindowSet, probability: np.ndarray) -> list[str]:
    candidates = find_candidates(one, probability.argmax(axis=1))
    predicted = Predicted(probability)
    nebular = look_for_nebulae(one, predicted)
    none = np.zeros(len(one), dtype=bool)
    return flag(
        one, predicted, candidates, nebular=nebular, filled=none, inside=none, options=SurveyOptions()
    ).to_pylist()


@pytest.mark.parametrize(
    ("identity", "probability", "expected"),
    [
        (Identity(source="a", snr_r=50.0, spectral_class="STAR"), SURE, ""),
        (Identity(source="a", snr_r=50.0), TORN, "uncertain"),
        (Identity(source="a", snr_r=3.0), SURE, "uncertain low_snr"),
        (Identity(source="a", snr_r=50.0, release="v2.6.4"), SURE, ""),
        (Identity(source="a", snr_r=50.0, read_flags="artefact_spike"), SURE, "artefact_spike"),
        (Identity(source="a", snr_r=50.0, read_flags="artefact_spike"), FOUND, "uncertain artefact_spike"),
        (Identity(source="a", snr_r=50.0, spectral_class="GALAXY"), SURE, "not_a_star"),
        (Identity(source="a", snr_r=50.0, release="DR7", spectral_class="QSO"), TORN, "uncertain not_a_star"),
    ],
)  # fmt: skip
def test_each_flag(identity: Identity, probability: np.ndarray, expected: str) -> None:
    assert flags_of(windows(identity), probability[None]) == [expected]
    assert set(expected.split()) <= set(FLAGS)


def test_without_a_stated_snr_the_window_tells() -> None:
    # flux 1 with a standard deviation of 0.5 / sqrt(100) = 0.05
    one = windows(Identity(source="a"))
    assert signal_to_noise(one) == pytest.approx([20.0])
    assert np.isnan(signal_to_noise(windows(Identity(source="a"), ivar=0.0))).all()
    assert flags_of(windows(Identity(source="a"), ivar=0.0), SURE[None]) == [""]


def test_without_any_error_the_flux_tells() -> None:
    noise = np.random.default_rng(1).normal(size=(2, 140)).astype(np.float32)
    blank = windows(Identity(source="star"), Identity(source="sky"), ivar=0.0)
    levels = np.array([[1.0, 0.02], [0.0, 1.0]], dtype=np.float32)  # offset and scale
    one = replace(blank, flux=noise, continuum=levels)
    assert signal_to_noise(one) == pytest.approx([50.0, 0.0], rel=0.25, abs=0.3)
    assert flags_of(one, np.tile(SURE, (2, 1))) == ["", "uncertain low_snr"]


def test_zeros_on_the_line_alone_are_suspect_everywhere_else_they_are_gaps() -> None:
    one = windows(Identity(source="a"), Identity(source="b"))
    one.ivar[0, np.abs(GRID - HALPHA_VAC) < 6] = 0
    one.ivar[1] = 0
    assert ivar_suspect(one).tolist() == [True, False]


def test_no_windows_no_flags() -> None:
    none = windows(Identity(source="a")).take(np.zeros(1, dtype=bool))
    assert flags_of(none, np.empty((0, 3), dtype=np.float32)) == []


def test_the_real_dr1_emitters_have_a_spoilt_inverse_variance(shared_data: Path) -> None:
    paths = find_spectra([shared_data / "lamost" / "dr1", shared_data / "lamost" / "dr6-dr7"])
    found = prepare_files([str(path) for path in paths], PreprocessOptions()).windows
    # DR1 told by its zeros alone, without the release it states
    column = found.identity.schema.get_field_index("release")
    nameless = found.identity.set_column(column, "release", pa.array([""] * len(found)))
    blind = WindowSet(flux=found.flux, ivar=found.ivar, continuum=found.continuum, identity=nameless)
    sources = np.array(found.identity["source"].to_pylist())
    suspect = {Path(source).stem for source in sources[ivar_suspect(blind)]}
    assert {"spec-56284-GAC122S02V2_sp14-183", "spec-56265-VB069N07V2_sp04-027"} <= suspect
    # a flag means this spectrum: it does not stand on all of a release
    assert ivar_suspect(found)[["/dr1/" in source for source in sources]].mean() < 0.5


def test_what_is_like_nothing_shown_is_uncertain() -> None:
    one = windows(Identity(source="a", snr_r=50.0), Identity(source="b", snr_r=50.0))
    probability = np.stack([FOUND, FOUND])
    predicted = Predicted(probability, unlike=np.array([True, False]))
    candidates = find_candidates(one, probability.argmax(axis=1))
    nebular = np.full(2, np.nan)
    found = flag(
        one,
        predicted,
        candidates,
        nebular=nebular,
        filled=np.zeros(2, dtype=bool),
        inside=np.zeros(2, dtype=bool),
        options=SurveyOptions(),
    )
    assert found.to_pylist() == ["uncertain unlike_training", ""]


@pytest.mark.parametrize("which", ["filled", "inside"])
def test_emission_within_an_absorption_has_to_be_nearly_sure(which: str) -> None:
    identities = [Identity(source=name, snr_r=50.0) for name in "abc"]
    probability = np.array([[0.02, 0.97, 0.01], [0.02, 0.97, 0.01], [0.005, 0.99, 0.005]], dtype=np.float32)
    one, predicted = windows(*identities), Predicted(probability)
    candidates = find_candidates(one, probability.argmax(axis=1))
    has = {"filled": np.zeros(3, dtype=bool), "inside": np.zeros(3, dtype=bool)}
    has[which] = np.array([True, False, True])
    found = flag(one, predicted, candidates, nebular=np.full(3, np.nan), options=SurveyOptions(), **has)
    assert found.to_pylist() == ["uncertain", "", ""]
