from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from vo_emline.errors import UserError
from vo_emline.preprocess import PreprocessOptions
from vo_emline.preprocess.identity import identity_table
from vo_emline.preprocess.windows import Prepared, WindowSet
from vo_emline.spectra import Identity
from vo_emline.survey import (
    SurveyOptions,
    WindowStore,
    find_store,
    is_store,
    read_rejects,
    read_scores,
)
from vo_emline.survey.ingest import ingest
from vo_emline.survey.sources import open_source, write_inputs

from .conftest import classify_with, make_shards


@pytest.fixture
def store(files: list[Path], tmp_path: Path) -> WindowStore:
    ingest(files, tmp_path / "store", shard_size=5, workers=1)
    return WindowStore.open(tmp_path / "store")


def test_a_store_gives_the_scores_that_its_files_give(
    files: list[Path], store: WindowStore, classifier: Any, tmp_path: Path
) -> None:
    preprocess, options = PreprocessOptions(), SurveyOptions(shard_size=5, workers=1)
    listed = write_inputs(tmp_path / "list.arrow", map(str, files), shard_size=5, origin={})
    one = classify_with(listed, classifier, tmp_path / "files", preprocess=preprocess, options=options)
    other = classify_with(store, classifier, tmp_path / "stored", preprocess=preprocess, options=options)
    assert (one.classes, one.flags, one.rejects) == (other.classes, other.flags, other.rejects)
    assert read_scores(tmp_path / "files").equals(read_scores(tmp_path / "stored"))
    assert read_rejects(tmp_path / "files").equals(read_rejects(tmp_path / "stored"))


def test_scores_carry_what_the_index_of_spectra_needs(
    store: WindowStore, classifier: Any, tmp_path: Path
) -> None:
    options = SurveyOptions(workers=1)
    classify_with(store, classifier, tmp_path / "scores", preprocess=PreprocessOptions(), options=options)
    for row in read_scores(tmp_path / "scores").to_pylist():
        assert row["file_size"] == Path(row["source"]).stat().st_size
        assert row["wave_min"] == pytest.approx(3700, abs=2)
        assert row["wave_max"] == pytest.approx(9100, abs=15)
        assert row["n_pixels"] > 3890
        assert row["resolving_power"] == 1800
        assert not row["normalised"]


def test_windows_of_other_settings_are_not_classified(store: WindowStore, tmp_path: Path) -> None:
    other = PreprocessOptions(lsf="thesis", scaling="minmax")
    with pytest.raises(UserError, match=r"other settings .*different lsf, scaling"):
        open_source([store.directory], tmp_path / "x", limit=None, shard_size=5, preprocess=other)


def test_what_is_a_store_is_told_by_its_manifest(
    store: WindowStore, files: list[Path], tmp_path: Path
) -> None:
    assert is_store(store.directory)
    assert not is_store(files[0].parent)
    (tmp_path / "manifest.json").write_text("no json")
    assert not is_store(tmp_path)
    found = find_store([store.directory])
    assert found is not None
    assert found.inputs == len(files)
    assert found.preprocess == PreprocessOptions()
    assert find_store(files) is None
    with pytest.raises(UserError, match="give it alone"):
        find_store([store.directory, files[0]])
    with pytest.raises(UserError, match="no store of windows"):
        WindowStore.open(tmp_path)


def test_windows_are_mapped_not_copied(store: WindowStore) -> None:
    before = pa.total_allocated_bytes()
    sets = list(store.windows())
    assert sum(map(len, sets)) == 12
    assert all(not one.flux.flags.owndata for one in sets)
    assert pa.total_allocated_bytes() - before < 10_000


PEAK = """
    import resource, sys
    from pathlib import Path
    from vo_emline.survey import WindowStore
    store = WindowStore(Path(sys.argv[1]))
    first = next(store.windows()).flux.sum()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    total = sum(float(windows.flux.sum()) for windows in store.windows())
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_large_store_needs_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    n, shards = 20_000, 10
    flux = np.ones((n, 140), dtype=np.float32)
    windows = WindowSet(
        flux=flux,
        ivar=flux,
        continuum=flux[:, :2],
        identity=identity_table([Identity(source=f"{row}.fits") for row in range(n)]),
    )
    store = WindowStore(tmp_path)
    store.claim({"kind": "windows", "inputs": n * shards, "shard_size": n})
    for shard in make_shards(["any"] * n * shards, size=n):
        store.write(shard, Prepared(windows, ()), preprocess=PreprocessOptions())
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) > 200e6
    command = [sys.executable, "-c", textwrap.dedent(PEAK), str(tmp_path)]
    grown_kb = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    # a shard maps 23 MB; all ten of them would be 230 MB
    assert grown_kb < 60_000
