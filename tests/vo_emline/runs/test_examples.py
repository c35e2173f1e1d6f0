"""The training set of a run, and the survey spectra that take part."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from vo_emline.errors import UserError
from vo_emline.preprocess import PreprocessOptions
from vo_emline.runs.examples import draw_unlabelled, gather
from vo_emline.runs.settings import load_settings
from vo_emline.simulate import write_lamost, write_ondrejov
from vo_emline.spectra import find_spectra
from vo_emline.survey import WindowStore
from vo_emline.survey.ingest import ingest
from vo_emline.training.hosts import INJECTED, NEGATIVE


def test_labels_of_other_spectra_are_an_error_not_a_purely_simulated_network(tmp_path: Path) -> None:
    write_ondrejov(tmp_path / "ondrejov", n_stars=2, per_star=1, seed=4)
    labels = tmp_path / "labels.csv"
    labels.write_text("id,label\nivo://asu.cas.cz/stel/ccd700/zz999999,emission\n")
    with pytest.raises(UserError, match=r"2 of 2 files have a window.*labels\.csv has no label for any"):
        gather(find_spectra([tmp_path / "ondrejov"]), labels, settings=load_settings())


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty simulated LAMOST files, one of them empty."""
    folder = tmp_path_factory.mktemp("lamost")
    write_lamost(folder, n_stars=39, seed=9, fractions={"normal": 1.0})
    (folder / "empty.fits").touch()
    return folder


def names(windows: object) -> list[str]:
    return [Path(source).name for source in windows.identity["source"].to_pylist()]  # type: ignore[attr-defined]


def test_the_draw_depends_on_names_alone(archive: Path, tmp_path: Path) -> None:
    files = find_spectra([archive])
    drawn = draw_unlabelled(files, 12, preprocess=PreprocessOptions())
    assert len(drawn) == 12
    assert names(draw_unlabelled(files[::-1], 12, preprocess=PreprocessOptions())) == names(drawn)
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(archive, elsewhere)
    assert names(draw_unlabelled(find_spectra([elsewhere]), 12, preprocess=PreprocessOptions())) == names(
        drawn
    )


def test_a_store_gives_the_spectra_that_its_files_give(archive: Path, tmp_path: Path) -> None:
    files = find_spectra([archive])
    ingest(files, tmp_path / "store", preprocess=PreprocessOptions())
    store = WindowStore.open(tmp_path / "store")
    for n in (7, 100):
        of_store = draw_unlabelled(store, n, preprocess=PreprocessOptions())
        of_files = draw_unlabelled(files, n, preprocess=PreprocessOptions())
        assert names(of_store) == names(of_files)
        np.testing.assert_array_equal(of_store.flux, of_files.flux)
    assert len(of_files) == 39


def test_spectra_without_a_window_teach_nothing(archive: Path) -> None:
    with pytest.raises(UserError, match="none of the unlabelled spectra has a window"):
        draw_unlabelled([archive / "empty.fits"], 5, preprocess=PreprocessOptions())


def test_they_join_the_training_set_as_negatives_and_hosts(archive: Path, tmp_path: Path) -> None:
    labelled = write_ondrejov(tmp_path, n_stars=12, per_star=1, seed=4)
    settings = load_settings(
        overrides={"simulate": {"spectra": 0}, "hosts": {"negatives": 30, "injected": 60}}
    )
    assert labelled.labels is not None
    drawn = draw_unlabelled(find_spectra([archive]), 100, preprocess=settings.preprocess)
    examples, _, counts = gather(list(labelled.files), labelled.labels, settings=settings, unlabelled=drawn)
    origin = np.array(examples.origin)
    assert counts.survey == 39
    assert (origin == NEGATIVE).sum() == 30
    assert 20 < counts.injected == (origin == INJECTED).sum() <= 60
    assert set(examples.label[origin == INJECTED]) <= {1, 2}
