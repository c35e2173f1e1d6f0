"""Labels: reading and matching."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from vo_emline.errors import UserError
from vo_emline.labels import LABELS
from vo_emline.preprocess.prepare import prepare
from vo_emline.spectra import find_spectra, read
from vo_emline.spectra.names import short_name
from vo_emline.training.labelled import UNLABELLED, match_labels, parse_label, read_labels


def identity(*rows: tuple[str, str]) -> pa.Table:
    return pa.table({"source": [row[0] for row in rows], "publisher_did": [row[1] for row in rows]})


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_codes_of_the_thesis_and_words_are_understood(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeffid,label\na,0\nb,1\nc,2\nd,3\ne,Double Peak\nf, emission \n")
    assert list(read_labels(path).values()) == [
        "emission", "absorption", "unknown", "double-peak", "double-peak", "emission",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["4", "nova", "", "-1"])
def test_other_labels_are_none(text: str) -> None:
    assert parse_label(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\na,0\n", "must name the columns id and label"),
        ("id,label\na,0\nb,7\n", "line 3: label '7' is none of absorption, emission, double-peak, unknown"),
        ("id,label\nivo://x/a,0\na.fits,1\n", "line 3: a.fits has two different labels"),
        ("id,label\na,0\nb", "line 3: not as many cells"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_labels(written(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_labels(tmp_path / "none.csv")


@pytest.mark.parametrize(
    "identifier",
    [
        "ivo://asu.cas.cz/stel/ccd700/uc050029",
        "ivo://x/~?stel/uc050029",
        "uc050029",
        "d/UC050029.fits.gz",
        "uc050029.fit",
        "uc050029.dat",
        "uc050029.ecsv.bz2",
    ],
)
def test_all_names_of_a_spectrum_agree(identifier: str) -> None:
    assert short_name(identifier) == "uc050029"


def test_a_part_of_a_file_is_named_as_its_identifier_is() -> None:
    spectra = identity(("x/stars.fits#row=2", ""), ("x/stars.fits[SCI]", ""), ("x/other.dat", ""))
    labels = {
        "ivo://x/~?s/stars.fits-row-2": "emission",
        "stars.fits-sci-": "absorption",
        "other": "emission",
    }
    match = match_labels(spectra, labels)
    assert [LABELS[label] for label in match.label] == ["emission", "absorption", "emission"]
    assert match.unmatched == ()


def test_matching_by_publisher_did_or_file_name_accounts_for_every_row() -> None:
    spectra = identity(
        ("x/renamed.fits", "ivo://asu.cas.cz/stel/ccd700/aa1"),
        ("x/bb2.fits.gz", ""),
        ("x/cc3.fits", ""),
        ("x/dd4.fits", ""),
    )
    labels = {
        "ivo://asu.cas.cz/stel/ccd700/aa1": "double-peak",
        "bb2": "emission",
        "cc3": "unknown",
        "ee5": "absorption",
    }
    match = match_labels(spectra, labels)
    assert match.label.tolist() == [2, 1, UNLABELLED, UNLABELLED]
    assert match.labelled.tolist() == [0, 1]
    assert match.n_unknown == 1
    assert match.unlabelled == ("x/dd4.fits",)
    assert match.unmatched == ("ee5",)


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "id,file,publisher_did,label\ntwin,/a/twin.fits,ivo://x/t.1,emission\ntwin,/b/twin.fits,ivo://x/t.2,absorption\n"
        "single,/a/single.fits,ivo://x/s,double-peak\nopen,/a/open.fits,ivo://x/o,\n",
    )
    labels = read_labels(path)
    assert labels == {"/a/twin.fits": "emission", "/b/twin.fits": "absorption", "single": "double-peak"}
    sources = ["/b/twin.fits", "/a/twin.fits", "/c/twin.fits", "/elsewhere/single.fits"]
    match = match_labels(identity(*((source, "") for source in sources)), labels)
    assert match.label.tolist() == [0, 1, UNLABELLED, 2]
    assert match.unmatched == ()


def test_the_real_labelled_spectra(shared_data: Path) -> None:
    windows, rejects = prepare(read(path) for path in find_spectra([shared_data / "ondrejov"]))
    labels = read_labels(shared_data / "catalogues" / "ondrejov-labels.csv")
    match = match_labels(windows.identity, labels)
    assert not rejects
    assert len(labels) == 13_334
    # 19 spectra of the cross-matched set, γ Cas and α Lyr, and the two raw files of the archive
    assert np.bincount(match.label[match.labelled]).tolist() == [19, 3, 1]
    assert len(match.unmatched) == 13_334 - 23
    emitters = {
        name: LABELS[label]
        for name, label in zip(windows.identity["object_name"].to_pylist(), match.label, strict=True)
        if label > 0
    }
    assert emitters["gamma Cas"] == "emission"
    assert "double-peak" in emitters.values()
