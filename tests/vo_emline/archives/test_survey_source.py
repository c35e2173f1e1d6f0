"""A survey of what an archive has: query, download, classify; each only as far as it is not done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from vo_emline.cli import app
from vo_emline.errors import ArchiveError


def survey(archive: Any, output: Path, *more: str) -> Result:
    command = ["classify-survey", f"ssa:{archive.ssa}", "--output", str(output), "--maxrec", "100", *more]
    return CliRunner().invoke(app, [*command, "--predict", "here", "--workers", "1"])


def test_an_archive_is_asked_once_and_what_it_has_is_classified(fake_archive: Any, tmp_path: Path) -> None:
    archive = fake_archive(5)
    done = survey(archive, tmp_path, "--limit", "4")
    assert done.exit_code == 0, done.output
    assert "4 of 4 spectra are in" in done.stderr
    assert json.loads((tmp_path / "summary.json").read_text())["inputs"] == 4
    assert len(list((tmp_path / "spectra").glob("*.fits"))) == 4
    archive.server.close()
    again = survey(archive, tmp_path, "--limit", "4")  # the list of files is fixed: nobody is asked
    assert again.exit_code == 0, again.output


def test_an_archive_that_does_not_answer_leaves_nothing_half_classified(
    fake_archive: Any, tmp_path: Path
) -> None:
    archive = fake_archive(2)
    archive.server.close()
    done = survey(archive, tmp_path / "survey")
    assert isinstance(done.exception, ArchiveError)
    assert not (tmp_path / "survey" / "inputs.arrow").exists()


@pytest.mark.parametrize("word", ["ssa:", "tap:"])
def test_help_shows_how(word: str) -> None:
    assert f"{word}ondrejov" in CliRunner().invoke(app, ["classify-survey", "--help"]).output
