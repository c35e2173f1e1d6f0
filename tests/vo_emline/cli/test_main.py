from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from vo_emline.cli import COMMANDS, app


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vo_emline", *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert len(result.output.splitlines()) > 8
    assert "\\b" not in result.output, "a mark for click shows in the help"


def test_an_unknown_command_is_a_user_error() -> None:
    done = program("observe")
    assert done.returncode == 2
    assert "No such command 'observe'" in done.stderr


def test_an_error_of_the_program_is_one_line_with_its_exit_code(tmp_path: Path) -> None:
    spectrum = tmp_path / "a.fits"
    spectrum.touch()
    done = program("classify", str(spectrum), "--run", str(tmp_path), "--output", str(tmp_path / "o.csv"))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "holds no trained model" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_suffix_is_refused_before_the_work(tmp_path: Path) -> None:
    spectrum = tmp_path / "a.fits"
    spectrum.touch()
    done = program("classify", str(spectrum), "--run", str(tmp_path), "--output", str(tmp_path / "o.doc"))
    assert done.returncode == 2
    assert "cannot write .doc" in done.stderr


def test_the_version_is_that_of_the_package() -> None:
    from vo_emline import __version__

    assert __version__ in program("--version").stdout
