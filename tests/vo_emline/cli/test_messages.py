"""What commands say beside their results, and how they end where they failed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from vo_emline.cli.messages import INTERRUPTED, extra_of, failure, narrate, remark
from vo_emline.errors import ArchiveError, UserError
from vo_emline.progress import set_quiet


@pytest.mark.parametrize(
    ("error", "text", "code"),
    [
        (UserError("no such label"), "error: no such label", 2),
        (ArchiveError("no answer", url="http://a.org"), "error: no answer [http://a.org]", 3),
        (OSError(28, "No space left on device"), "error: No space left on device", 1),
        (PermissionError(13, "Permission denied", "my.csv"), "error: my.csv: Permission denied", 1),
        (KeyboardInterrupt(), "interrupted; start the same command again to continue", INTERRUPTED),
        (click.Abort(), "interrupted; start the same command again to continue", INTERRUPTED),
    ],
)
def test_the_user_reads_one_line(error: BaseException, text: str, code: int) -> None:
    assert failure(error) == (text, code)


def test_a_missing_package_is_named_with_the_extra_that_brings_it() -> None:
    ending = failure(ModuleNotFoundError("No module named 'jax'", name="jax.numpy"))
    assert ending is not None
    assert ending[0].startswith("error: this needs the package jax, which is not installed: pip install")
    assert "vo-emline[train]" in ending[0]
    assert ending[1] == 2


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("sklearn.linear_model", "train"),
        ("orbax.checkpoint", "train"),
        ("structlog", "service"),
        ("matplotlib.figure", "plot"),
        ("astroquery.simbad", "catalogues"),
        ("numpy", None),  # of the core: where it is missing, the installation is broken
        ("vo_emline.nowhere", None),
    ],
)
def test_the_extra_is_the_one_that_brings_least(module: str, extra: str | None) -> None:
    assert extra_of(module) == extra


def test_a_defect_of_the_program_keeps_its_traceback() -> None:
    assert failure(ZeroDivisionError("division by zero")) is None
    assert failure(ModuleNotFoundError("No module named 'vo_emline.x'", name="vo_emline.x")) is None
    assert failure(OSError("raised without a number")) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "spectrum.fits"], "error: there is no file spectrum.fits"),
        (["query", "SELECT 1", "--output", "/proc/a.csv"], "error: cannot write /proc/a.csv"),
    ],
)
def test_a_wrong_name_is_told_before_any_service_is_asked(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "vo_emline", *arguments, "--service", "http://localhost:1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(message)


def test_remarks_go_to_standard_error_and_steps_to_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    remark("3 files")
    narrate("Network")
    assert capsys.readouterr() == ("Network\n", "3 files\n")


def test_quiet_silences_both(capsys: pytest.CaptureFixture[str]) -> None:
    set_quiet(True)
    try:
        remark("3 files")
        narrate("Network")
    finally:
        set_quiet(False)
    assert capsys.readouterr() == ("", "")
