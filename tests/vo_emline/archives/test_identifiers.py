"""Lists of identifiers."""

from __future__ import annotations

from pathlib import Path

import pytest

from vo_emline.archives.identifiers import read_identifiers
from vo_emline.errors import UserError


def test_the_published_labels(shared_data: Path) -> None:
    dids = read_identifiers(shared_data / "catalogues/ondrejov-labels.csv")
    assert len(dids) == 13_334
    assert dids[0] == "ivo://asu.cas.cz/stel/ccd700/uc050029"


@pytest.mark.parametrize(
    "text",
    [
        "ivo://a/1\nivo://a/2\n",
        "# mine\nivo://a/1\n\nivo://a/2\nivo://a/1\n",
        "label,id\n0,ivo://a/1\n1,ivo://a/2\n",
    ],
)
def test_lists_and_tables(tmp_path: Path, text: str) -> None:
    path = tmp_path / "list"
    path.write_text(text)
    assert read_identifiers(path) == ["ivo://a/1", "ivo://a/2"]


def test_a_column_obsid(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("\ufeffobsid,ra\n403028,9.7\n")
    assert read_identifiers(path) == ["403028"]


@pytest.mark.parametrize(
    ("text", "said"), [("", "no identifier"), ("ra,dec\n1,2\n", "no column with identifiers")]
)
def test_no_identifiers(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        read_identifiers(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read"):
        read_identifiers(tmp_path / "none")
