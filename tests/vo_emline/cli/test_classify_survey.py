"""``vo-emline classify-survey`` as its user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from vo_emline.cli import app
from vo_emline.simulate import write_lamost


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    write_lamost(folder, n_stars=5, seed=3)
    (folder / "empty.fits").touch()
    return folder


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["classify-survey", *map(str, arguments)])


def test_from_the_cost_to_the_candidates(mirror: Path, tmp_path: Path) -> None:
    output = tmp_path / "survey"
    cost = invoke(mirror, "--output", output, "--dry-run")
    assert cost.exit_code == 0, cost.output
    assert cost.stdout.splitlines()[:2] == ["inputs  6 in 1 shards", "done    0 in 0 shards; 6 to do"]
    assert not output.exists()
    for _ in range(2):
        done = invoke(mirror, "--output", output)
        assert done.exit_code == 0, done.output
        assert "         1  rejected: empty\n         6  inputs\n" in done.stderr
        assert json.loads((output / "summary.json").read_text())["inputs"] == 6


def test_parts_and_the_end(mirror: Path, tmp_path: Path) -> None:
    common = (mirror, "--output", tmp_path, "--shard-size", 2, "--predict", "here", "--workers", 1)
    for part in ("1/2", "2/2"):
        done = invoke(*common, "--shard", part)
        assert "when all are, start with --finish" in done.stderr, done.output
    assert "summary.json" in invoke(*common, "--finish").stderr


def test_names_come_by_standard_input(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VO_EMLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(mirror)
    names = "".join(f"{path.name}\n" for path in sorted(mirror.glob("*.fits*")))
    for _ in range(2):  # the same list is the same survey
        command = ["classify-survey", "-", "--output", str(tmp_path / "survey")]
        done = CliRunner().invoke(app, command, input=names)
        assert done.exit_code == 0, done.output
        assert json.loads((tmp_path / "survey" / "summary.json").read_text())["inputs"] == 6
    nothing = CliRunner().invoke(app, ["classify", "-", "--output", str(tmp_path / "a.csv")], input="\n")
    assert "standard input (-) is read as a list" in nothing.output + str(nothing.exception)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{mirror}", "--shard", "3/2"], "'3/2' is no part; give I/N with I from 1 to N"),
        (["{mirror}", "--shard", "0/2"], "is no part"),
        (["{mirror}", "--shard", "half"], "is no part"),
        (["{mirror}", "--finish", "--shard", "1/2"], "--finish goes alone"),
        (["{mirror}", "ssa:ondrejov"], "an archive cannot be joined with files"),
        (["ssa:ondrejov", "--dry-run"], "--dry-run is for spectra that are here"),
        (["ssa:ondrejov"], "say what you want: --pos, --band, --target"),
        ([], "Missing argument 'SOURCE...'"),
    ],
)
def test_what_cannot_be_is_said_with_the_way_out(
    mirror: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = invoke(*(word.format(mirror=mirror) for word in arguments), "--output", tmp_path / "survey")
    assert done.exit_code == 2
    assert said in done.stderr
    assert not (tmp_path / "survey").exists()


def test_a_source_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = invoke(tmp_path / "nowhere", "--output", tmp_path / "survey")
    assert "nowhere does not exist" in str(done.exception)
    assert not (tmp_path / "survey").exists()
