from __future__ import annotations

from pathlib import Path

import pytest

from vo_emline.errors import UserError
from vo_emline.files import digest, files_digest
from vo_emline.runs.steps import Manifest


def test_a_finished_step_is_done_only_from_the_same_inputs(tmp_path: Path) -> None:
    manifest = Manifest.open(tmp_path / "run.json")
    manifest.finish("network", "abc", model_version="1")
    again = Manifest.open(tmp_path / "run.json")
    assert again.run_id == manifest.run_id
    assert again.done("network", "abc")
    assert not again.done("network", "xyz")
    assert again.facts("network")["model_version"] == "1"


def test_a_step_whose_outputs_were_removed_is_not_done(tmp_path: Path) -> None:
    manifest = Manifest.open(tmp_path / "run.json")
    weights = tmp_path / "model.json"
    weights.touch()
    manifest.finish("network", "abc")
    assert manifest.done("network", "abc", outputs=[weights])
    weights.unlink()
    assert not manifest.done("network", "abc", outputs=[weights])


def test_half_done_work_is_kept_for_the_same_inputs_and_removed_for_others(tmp_path: Path) -> None:
    shard = tmp_path / "survey" / "shard"
    shard.parent.mkdir()
    manifest = Manifest.open(tmp_path / "run.json")
    manifest.begin("survey", "abc", outputs=[shard.parent])
    shard.parent.mkdir(exist_ok=True)
    shard.touch()
    again = Manifest.open(tmp_path / "run.json")
    again.begin("survey", "abc", outputs=[shard.parent])
    assert shard.exists()
    again.begin("survey", "xyz", outputs=[shard.parent])
    assert not shard.exists()


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("[1, 2]")
    with pytest.raises(UserError, match="not the manifest of a run"):
        Manifest.open(tmp_path / "run.json")


def test_digests_tell_inputs_apart(tmp_path: Path) -> None:
    file = tmp_path / "a.fits"
    file.write_bytes(b"1")
    before = files_digest([file])
    assert before == files_digest([file])
    file.write_bytes(b"12")
    assert before != files_digest([file])
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
