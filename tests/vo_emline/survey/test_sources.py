"""The list of inputs on disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vo_emline.errors import DataError, UserError
from vo_emline.survey.shards import Shard
from vo_emline.survey.sources import InputList, list_once, write_inputs

NAMES = [f"{number}.fits" for number in range(10)]


def test_shards_are_those_of_the_list_in_order(tmp_path: Path) -> None:
    listed = write_inputs(tmp_path / "inputs.arrow", NAMES, shard_size=4, origin={})
    assert (listed.inputs, listed.n_shards) == (10, 3)
    assert [listed.size(number) for number in range(3)] == [4, 4, 2]
    assert listed.shard(2) == Shard(2, 2, ("8.fits", "9.fits"))
    assert listed.store is None


def test_the_digest_is_of_names_and_order_not_of_shards(tmp_path: Path) -> None:
    def digest(names: list[str], size: int = 4) -> str:
        return write_inputs(tmp_path / "inputs.arrow", names, shard_size=size, origin={}).inputs_sha256

    assert digest(NAMES) == digest(NAMES, size=3)
    assert len({digest(NAMES), digest(NAMES[::-1]), digest(NAMES[1:]), digest(["0.fits1.fits"])}) == 4


def test_names_that_are_no_utf8_come_back(tmp_path: Path) -> None:
    odd = os.fsdecode(b"latin\xe9.fits")
    listed = write_inputs(tmp_path / "inputs.arrow", [odd], shard_size=4, origin={})
    assert listed.shard(0).sources == (odd,)
    assert len(listed.inputs_sha256) == 64


def test_the_list_is_made_once(tmp_path: Path) -> None:
    list_once(tmp_path, lambda: NAMES, origin={"sources": ["a"]}, shard_size=4)

    def never() -> list[str]:
        raise AssertionError("the list is there already")

    again = list_once(tmp_path, never, origin={"sources": ["a"]}, shard_size=4)
    assert again.inputs == 10
    with pytest.raises(UserError, match=r"another run \(different sources\)"):
        list_once(tmp_path, never, origin={"sources": ["b"]}, shard_size=4)


def test_no_inputs_leave_no_directory(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to read"):
        list_once(tmp_path / "survey", list, origin={}, shard_size=4)
    assert not (tmp_path / "survey").exists()


def test_a_damaged_list_is_said(tmp_path: Path) -> None:
    path = tmp_path / "inputs.arrow"
    path.write_bytes(b"something else")
    with pytest.raises(DataError, match="not a list of inputs"):
        InputList(path)
