"""The archives' configuration, and the user's own on top of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from vo_emline.archives.config import VARIABLE, archives, load, user_file
from vo_emline.errors import UserError


def test_the_packaged_file() -> None:
    known = load(Path("/nonexistent"))
    assert known.ssa["ondrejov"].where == "mime = 'image/fits'"
    assert known.ssa["ondrejov"].calibration == "normalized"
    assert known.catalogues["hou2016"].short_title == "Hou et al. 2016"
    assert known.lamost.resolution == "lrs"


def test_another_archive_is_a_few_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[ssa.mine]\nurl = "http://localhost:8000/ssa"\n[ssa.ondrejov]\ndelay = 2.0\n')
    monkeypatch.setenv(VARIABLE, str(path))
    assert user_file() == path
    known = load()
    assert known.find_ssa("mine").url == "http://localhost:8000/ssa"
    assert known.ssa["ondrejov"].delay == 2.0
    assert known.ssa["ondrejov"].table == "ccd700.data"


def test_an_address_is_an_archive() -> None:
    assert archives().find_ssa("https://example.test/ssa").calibration is None
    with pytest.raises(UserError, match="no archive is called 'ondrejow': give one of ondrejov"):
        archives().find_ssa("ondrejow")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[ssa.mine]\nurl = "x"\nspeed = 3\n', r"ssa\.mine\.speed"),
        ("[ssa.mine]\n", r"ssa\.mine\.url"),
        ("[ssa.mine", "is not TOML"),
        ('[ssa.mine]\nurl = "x"\nconcurrency = 99\n', r"ssa\.mine\.concurrency"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        load(path)
