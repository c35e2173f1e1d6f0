from __future__ import annotations

from pathlib import Path

from vo_emline.preprocess import PreprocessOptions
from vo_emline.runs.report import windows_at_hand
from vo_emline.simulate import write_lamost
from vo_emline.spectra import find_spectra


def test_a_file_that_has_gone_leaves_the_other_windows_with_their_names(tmp_path: Path) -> None:
    write_lamost(tmp_path, n_stars=3, seed=3)
    paths = [str(path) for path in find_spectra([tmp_path])]
    Path(paths[0]).unlink()
    windows = windows_at_hand(paths, PreprocessOptions())
    assert windows.identity["source"].to_pylist() == paths[1:]
