"""Shards are done or not done."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from vo_emline.errors import UserError
from vo_emline.survey.counts import ShardCounts
from vo_emline.survey.shards import Shard, ShardStore

TABLE = pa.table({"label": ["emission", "absorption", "absorption"], "flags": ["", "low_snr", "low_snr x"]})
REJECTS = pa.table({"code": ["empty"]})


def test_a_shard_is_finished_when_its_scores_are_there(tmp_path: Path) -> None:
    store, shard = ShardStore(tmp_path), Shard(0, 4)
    assert not store.is_finished(shard)
    store.write(shard, scores=TABLE, rejects=REJECTS)
    assert store.is_finished(shard)
    assert store.finished() == {0}
    assert store.counts(0) == ShardCounts(
        number=0, inputs=4, classes={"emission": 1, "absorption": 2}, flags={"low_snr": 2, "x": 1},
        rejects={"empty": 1},
    )  # fmt: skip
    assert store.read("scores").equals(TABLE)
    assert not store.is_finished(Shard(1, 1))


def test_a_write_that_fails_leaves_the_shard_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(table: pa.Table, path: Path, **_: object) -> None:
        path.write_bytes(b"half")
        if "label" in table.column_names:
            raise OSError("the disk went away")

    store, shard = ShardStore(tmp_path), Shard(0, 1)
    monkeypatch.setattr("vo_emline.survey.shards.pq.write_table", fails)
    with pytest.raises(OSError, match="the disk went away"):
        store.write(shard, scores=TABLE, rejects=REJECTS)
    assert not store.is_finished(shard)
    assert not list(tmp_path.glob(".*"))


def test_a_directory_serves_one_run(tmp_path: Path) -> None:
    store = ShardStore(tmp_path)
    store.claim({"inputs": 3, "model_version": "1"})
    store.claim({"inputs": 3, "model_version": "1"})
    assert json.loads((tmp_path / "manifest.json").read_text())["inputs"] == 3
    with pytest.raises(UserError, match=r"another run \(different model_version\)"):
        store.claim({"inputs": 3, "model_version": "2"})


def test_leftovers_of_a_killed_run_are_swept_up(tmp_path: Path) -> None:
    (tmp_path / ".scores-000000.parquet.x1.part").write_bytes(b"half")
    ShardStore(tmp_path).remove_leftovers()
    assert not list(tmp_path.glob(".*"))
