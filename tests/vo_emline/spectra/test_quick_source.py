from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from vo_emline.spectra.quick.source import FIRST, Unexpected, opened

CONTENT = bytes(range(256)) * 400


@pytest.mark.parametrize("zipped", [False, True])
def test_any_part_can_be_read(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(CONTENT) if zipped else CONTENT)
    with opened(path) as (source, file_size):
        assert source.size == len(CONTENT)
        assert file_size == path.stat().st_size
        assert source.head[:FIRST] == CONTENT[:FIRST]
        assert source.read(50_000, 300) == CONTENT[50_000:50_300]
        with pytest.raises(Unexpected):
            source.read(len(CONTENT) - 10, 11)


def test_damaged_gzip_is_never_taken_for_good(tmp_path: Path) -> None:
    whole = gzip.compress(CONTENT)
    path = tmp_path / "file.gz"
    for damaged in (whole[:-1], whole[:-9], whole[:40] + b"\0" + whole[41:], whole + whole, whole[:3]):
        path.write_bytes(damaged)
        with pytest.raises(Unexpected), opened(path):
            pass


def test_an_empty_file_is_left_to_the_thorough_reader(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    with pytest.raises(Unexpected), opened(path):
        pass
