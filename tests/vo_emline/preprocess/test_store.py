from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vo_emline.errors import DataError, UserError
from vo_emline.preprocess import (
    PreprocessOptions,
    WindowSet,
    concatenate,
    count_windows,
    coverage_table,
    identity_table,
    iter_windows,
    read_options,
    read_rejects,
    read_windows,
    write_rejects,
    write_windows,
)
from vo_emline.rejects import Reject
from vo_emline.spectra import Coverage, Identity


def window_set(size: int, seed: int = 0) -> WindowSet:
    rng = np.random.default_rng(seed)
    identities = [
        Identity(source=f"{seed}-{i}.fits", obsid=i or None, ra=i / 7, fiber_type="Obj") for i in range(size)
    ]
    return WindowSet(
        flux=rng.normal(size=(size, 140)).astype(np.float32),
        ivar=rng.uniform(size=(size, 140)).astype(np.float32),
        continuum=rng.uniform(size=(size, 2)).astype(np.float32),
        identity=identity_table(identities),
    )


def same(a: WindowSet, b: WindowSet) -> bool:
    arrays = all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("flux", "ivar", "continuum"))
    return arrays and a.identity.equals(b.identity)


@pytest.mark.parametrize("suffix", [".arrow", ".parquet"])
def test_what_is_written_is_read(tmp_path: Path, suffix: str) -> None:
    path, windows = tmp_path / f"windows{suffix}", window_set(50)
    options = PreprocessOptions(lsf="thesis", scaling="minmax")
    assert write_windows(path, windows, options=options) == 50
    assert same(read_windows(path), windows)
    assert read_options(path) == options


@pytest.mark.parametrize("suffix", [".arrow", ".parquet"])
def test_many_sets_are_written_in_turn_and_read_in_pieces(tmp_path: Path, suffix: str) -> None:
    sets = [window_set(20, seed) for seed in range(3)]
    path = tmp_path / f"windows{suffix}"
    assert write_windows(path, iter(sets)) == 60
    assert same(concatenate(list(iter_windows(path))), concatenate(sets))
    assert same(read_windows(path), concatenate(sets))
    assert read_options(path) is None


@pytest.mark.parametrize("suffix", [".arrow", ".parquet"])
def test_coverage_is_kept_where_there_is_one(tmp_path: Path, suffix: str) -> None:
    path, bare = tmp_path / f"windows{suffix}", window_set(3)
    coverages = [
        Coverage(
            wave_min=3700.0 + i,
            wave_max=9100.0,
            n_pixels=3909,
            resolving_power=1800.0,
            normalised=bool(i),
            layout="lamost-coadd-table",
            file_size=i or None,
        )
        for i in range(3)
    ]
    covered = replace(bare, coverage=coverage_table(coverages))
    write_windows(path, covered)
    found = read_windows(path)
    assert found.coverage is not None
    assert found.coverage.equals(covered.coverage)
    assert found.take([2]).coverage.to_pylist() == [asdict(coverages[2])]
    assert concatenate([found, found]).coverage.num_rows == 6
    assert concatenate([found, bare]).coverage is None
    write_windows(path, bare)
    assert read_windows(path).coverage is None


@pytest.mark.parametrize("suffix", [".arrow", ".parquet"])
def test_windows_are_counted_without_reading_them(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"windows{suffix}"
    write_windows(path, [window_set(20), window_set(5)])
    assert count_windows(path) == 25


def test_an_arrow_store_is_mapped_not_copied(tmp_path: Path) -> None:
    path = tmp_path / "windows.arrow"
    write_windows(path, window_set(2000))
    before = pa.total_allocated_bytes()
    (windows,) = iter_windows(path)
    assert pa.total_allocated_bytes() - before < 10_000
    assert not windows.flux.flags.owndata
    assert not windows.flux.flags.writeable


def test_no_windows_are_a_store_too(tmp_path: Path) -> None:
    path = tmp_path / "none.arrow"
    write_windows(path, window_set(0))
    assert read_windows(path).flux.shape == (0, 140)


def test_an_interruption_leaves_the_old_store(tmp_path: Path) -> None:
    path, old = tmp_path / "windows.arrow", window_set(5)
    write_windows(path, old)

    def interrupted() -> object:
        yield window_set(5, seed=1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_windows(path, interrupted())  # type: ignore[arg-type]
    assert same(read_windows(path), old)
    assert list(tmp_path.iterdir()) == [path]


def test_other_files_are_refused(tmp_path: Path) -> None:
    junk = tmp_path / "junk.arrow"
    junk.write_bytes(b"junk" * 100)
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"flux": [1.0]}), other)
    for path in (junk, other, tmp_path / "missing.arrow"):
        with pytest.raises(DataError, match="not_a_store"):
            read_windows(path)
    with pytest.raises(UserError, match=r"\.arrow or \.parquet"):
        write_windows(tmp_path / "windows.npz", window_set(1))


def test_a_store_of_another_grid_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "windows.parquet"
    write_windows(path, window_set(3))
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({"vo_emline.grid": "linspace(6500, 6700, 140)"}), path)
    with pytest.raises(DataError, match="another grid"):
        read_windows(path)


def test_rejects(tmp_path: Path) -> None:
    rejects = [
        Reject("a.fits", "truncated", "the file ends before its data do"),
        Reject("b", "no_signal", "…"),
    ]
    write_rejects(tmp_path / "rejects.parquet", rejects)
    assert read_rejects(tmp_path / "rejects.parquet") == rejects
    write_rejects(tmp_path / "none.parquet", [])
    assert read_rejects(tmp_path / "none.parquet") == []


def test_taking_rows_by_index_and_by_mask() -> None:
    windows = window_set(6)
    assert windows.take([4, 1]).identity["source"].to_pylist() == ["0-4.fits", "0-1.fits"]
    assert same(windows.take(np.array([False, True, False, False, True, False])), windows.take([1, 4]))
