"""Every file ends as a score or as a reject."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from vo_emline.labels import LABELS, PROBABILITY_COLUMNS
from vo_emline.preprocess import PreprocessOptions
from vo_emline.spectra import find_spectra, iter_spectra
from vo_emline.survey import REJECTS_SCHEMA, SCORES_SCHEMA, SurveyOptions, classify_files, prepare_files


def test_rows_in_are_scores_and_rejects(files: list[Path], classifier: Any) -> None:
    scores, rejects = classify_files(files, classifier, preprocess=PreprocessOptions())
    assert scores.schema == SCORES_SCHEMA
    assert rejects.schema == REJECTS_SCHEMA
    assert sorted(scores["source"].to_pylist() + rejects["source"].to_pylist()) == sorted(map(str, files))
    assert {Path(row["source"]).name: row["code"] for row in rejects.to_pylist()} == {
        "short.fits": "truncated", "notes.txt": "not_a_spectrum",
    }  # fmt: skip


def test_labels_and_scores_follow_the_probabilities(files: list[Path], classifier: Any) -> None:
    scores, _ = classify_files(files, classifier, preprocess=PreprocessOptions())
    for row in scores.to_pylist():
        p = [row[name] for name in PROBABILITY_COLUMNS]
        assert row["label"] == LABELS[int(np.argmax(p))]
        assert row["score"] == pytest.approx(p[1] + p[2], abs=1e-6)


def test_the_stated_shares_reach_the_classifier(files: list[Path], classifier: Any) -> None:
    seen: list[Sequence[float] | None] = []

    class Listening(type(classifier)):  # type: ignore[misc]
        def predict_windows(self, windows: Any, *, shares: Sequence[float] | None = None) -> Any:
            seen.append(shares)
            return super().predict_windows(windows)

    options = SurveyOptions(class_shares=(97, 2, 1))
    classify_files(files[:1], Listening(), preprocess=PreprocessOptions(), options=options)
    assert seen == [pytest.approx((0.97, 0.02, 0.01))]


def test_a_share_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="positive share"):
        SurveyOptions(class_shares=(1, 0, 0))


def test_a_probability_that_is_no_number_is_a_reject(files: list[Path], classifier: Any) -> None:
    class Broken(type(classifier)):  # type: ignore[misc]
        def predict_windows(self, windows: Any, *, shares: Sequence[float] | None = None) -> Any:
            probability = super().predict_windows(windows)
            probability[0] = np.nan
            return probability

    scores, rejects = classify_files(files[:4], Broken(), preprocess=PreprocessOptions())
    assert scores.num_rows == 3
    assert rejects.to_pylist()[0]["code"] == "not_a_number"


def test_nothing_but_rejects_is_an_answer_too(files: list[Path], classifier: Any) -> None:
    scores, rejects = classify_files([files[-1]], classifier, preprocess=PreprocessOptions())
    assert (scores.num_rows, rejects.num_rows) == (0, 1)
    assert scores.schema == SCORES_SCHEMA


def test_real_files_of_every_release(shared_data: Path, classifier: Any) -> None:
    paths = find_spectra([shared_data / "lamost"])
    prepared = prepare_files([str(path) for path in paths], PreprocessOptions())
    assert len(prepared.windows) + len(prepared.rejects) == len(paths)
    assert [reject.code for reject in prepared.rejects] == ["no_signal"]
    scores, _ = classify_files(paths, classifier, preprocess=PreprocessOptions())
    strong = {Path(row["source"]).stem for row in scores.to_pylist() if row["score"] > 0.9}
    assert {"spec-56284-GAC122S02V2_sp14-183", "spec-56265-VB069N07V2_sp04-027"} <= strong


def test_stars_of_one_file_are_rows_of_their_own(tmp_path: Path, classifier: Any) -> None:
    wavelength = 6300.0 + 0.7 * np.arange(800)
    flux = 1 + np.outer([2.0, -0.4], np.exp(-0.5 * ((wavelength - 6564.6) / 3) ** 2))
    planes = {"R_WAVELENGTH": wavelength, "R_FLUX": flux, "R_IVAR": np.full_like(flux, 1e4)}
    targets = {"TARGETID": [11, 12], "TARGET_RA": [10.0, 11.0], "TARGET_DEC": [20.0, 21.0]}
    columns = [fits.Column(name, "K" if name == "TARGETID" else "D", array=np.array(values))
               for name, values in targets.items()]  # fmt: skip
    hdus = [fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns, name="FIBERMAP")]
    hdus += [fits.ImageHDU(values, name=name) for name, values in planes.items()]
    coadd = tmp_path / "coadd.fits"
    fits.HDUList(hdus).writeto(coadd)
    names = [Path(name) for name in iter_spectra([tmp_path])]
    scores, rejects = classify_files(names, classifier, preprocess=PreprocessOptions())
    assert not len(rejects)
    assert scores["source"].to_pylist() == [f"{coadd}#row=1", f"{coadd}#row=2"]
    assert scores["ra"].to_pylist() == [10.0, 11.0]
    assert len(set(scores[PROBABILITY_COLUMNS[0]].to_pylist())) == 2
