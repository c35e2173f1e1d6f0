"""Figures of a run: files that have gone, stars that both instruments saw."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from vo_emline.preprocess import PreprocessOptions
from vo_emline.runs.report import common_stars, windows_at_hand
from vo_emline.simulate import write_lamost
from vo_emline.spectra import Identity, find_spectra


def test_a_file_that_has_gone_leaves_the_other_windows_with_their_names(tmp_path: Path) -> None:
    write_lamost(tmp_path, n_stars=3, seed=3)
    paths = [str(path) for path in find_spectra([tmp_path])]
    Path(paths[0]).unlink()
    windows = windows_at_hand(paths, PreprocessOptions())
    assert windows.identity["source"].to_pylist() == paths[1:]


def star(ra: float | None, dec: float | None) -> Identity:
    return Identity(source="x", ra=ra, dec=dec)


SURVEY = pa.table({"ra": pa.array([10.0, 50.0, None]), "dec": pa.array([0.0, 20.0, None])})


def test_stars_match_within_the_error_of_telescope_positions() -> None:
    near, far = star(10.0 + 20 / 3600, 0.0), star(50.0, 20.0 + 30 / 3600)
    assert common_stars([near, far, star(None, None)], SURVEY) == [(0, 0)]


def test_every_spectrum_is_in_one_pair_at_most_the_nearest() -> None:
    twice = [star(10.0 + 9 / 3600, 0.0), star(10.0 + 2 / 3600, 0.0)]
    assert common_stars(twice, SURVEY) == [(1, 0)]


def test_nothing_in_common_is_no_error() -> None:
    assert common_stars([], SURVEY) == []
    assert common_stars([star(200.0, -50.0)], SURVEY) == []
