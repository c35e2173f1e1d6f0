"""The settings: their order, their limits, and that the commented file tells the truth."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import service
from service.config import Settings, load
from vo_emline.errors import UserError

TOML = Path(service.__file__).with_name("service.toml")


def test_the_commented_file_states_every_setting_with_its_default() -> None:
    written = tomllib.loads(TOML.read_text())
    defaults = Settings().model_dump(mode="json", exclude={"state_directory", "label_state"})
    assert written == defaults
    assert "# state_directory" in TOML.read_text()
    assert "# label_state" in TOML.read_text()


def test_the_file_beats_the_defaults_and_the_environment_beats_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "service.toml"
    config.write_text('queries = 3\nworkers = 3\ntitle = "From the file"\n')
    monkeypatch.setenv("VO_EMLINE_SERVICE_WORKERS", "4")
    settings = load(config, port=9, title=None)
    assert (settings.queries, settings.workers, settings.port) == (3, 4, 9)
    assert settings.title == "From the file"


def test_the_command_line_beats_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VO_EMLINE_SERVICE_PORT", "1234")
    assert load(port=4321).port == 4321


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ports = 1\n", "ports"),
        ("port = -1\n", "port"),
        ('memory = "lots"\n', "memory"),
        ("port = \n", "Invalid"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    config = tmp_path / "service.toml"
    config.write_text(text)
    with pytest.raises(UserError, match=said):
        load(config)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.toml"):
        load(tmp_path / "nowhere.toml")
