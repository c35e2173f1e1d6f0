from __future__ import annotations

from pathlib import Path

import pytest

from vo_emline.errors import UserError
from vo_emline.runs.settings import (
    SimulationOptions,
    load_settings,
    read_settings,
    survey_options,
    write_settings,
)


def test_command_line_beats_environment_beats_file_beats_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[training]\nepochs = 11\nseed = 11\npatience = 11\n")
    monkeypatch.setenv("VO_EMLINE_RUN_TRAINING__EPOCHS", "22")
    monkeypatch.setenv("VO_EMLINE_RUN_TRAINING__SEED", "22")
    training = load_settings(config, {"training": {"epochs": 33, "seed": None}}).training
    assert (training.epochs, training.seed, training.patience, training.batch_size) == (33, 22, 11, 256)


def test_written_settings_repeat_themselves(tmp_path: Path) -> None:
    known = ['my "Be" stars\\α.csv', "simbad"]
    settings = load_settings(None, {"training": {"epochs": 3}, "simulate": {"spectra": 7}, "known": known})
    write_settings(tmp_path / "config.toml", settings)
    assert load_settings(tmp_path / "config.toml").model_dump() == settings.model_dump()


def test_what_a_run_wrote_down_wins_over_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_settings(tmp_path / "config.toml", load_settings(None, {"authority": "its.own"}))
    monkeypatch.setenv("VO_EMLINE_RUN_AUTHORITY", "another.one")
    assert load_settings(tmp_path / "config.toml").authority == "another.one"
    assert read_settings(tmp_path / "config.toml").authority == "its.own"


def test_a_setting_of_the_service_is_none_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VO_EMLINE_SERVICE_WORKERS", "7")
    monkeypatch.setenv("VO_EMLINE_WORKERS", "7")
    assert load_settings(None).survey.workers == 0


def test_a_survey_is_classified_as_the_run_has_it_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(None, {"survey": {"low_snr": 3.0, "class_shares": (97, 2, 1), "workers": 7}})
    write_settings(tmp_path / "config.toml", settings)
    monkeypatch.setenv("VO_EMLINE_RUN_SURVEY__LOW_SNR", "9")
    of_run = survey_options(tmp_path, {"uncertain_below": 0.7, "cascade": None})
    assert (of_run.low_snr, of_run.uncertain_below, of_run.workers) == (3.0, 0.7, 0)
    assert of_run.class_shares == settings.survey.class_shares
    assert survey_options(None, {}).low_snr == 9
    assert survey_options(None, {"low_snr": 4.0}).low_snr == 4


def test_settings_of_earlier_versions_are_read(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("workers = 3\n")
    assert read_settings(tmp_path / "config.toml").survey.workers == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[training]\nepoch = 3", "training.epoch"),
        ("[training]\nepochs = 0", "greater than or equal to 1"),
        ("[training", "is not TOML"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, message: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(text)
    with pytest.raises(UserError, match=message):
        load_settings(config)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no configuration file"):
        load_settings(tmp_path / "none.toml")


def test_simulated_spectra_fill_up_the_training_set_and_join_the_largest_archive() -> None:
    assert SimulationOptions(fill=1000).wanted(21) == 979
    assert SimulationOptions(fill=1000).wanted(5000) == 500
    assert SimulationOptions(spectra=0).wanted(21) == 0
