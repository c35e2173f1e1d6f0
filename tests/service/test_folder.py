"""A folder that is opened: classified once, and again when a file changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from service import folder, server
from service.cli import open_folder
from vo_emline.errors import UserError
from vo_emline.rundir import DEFAULT_MODEL


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(folder, "user_cache_path", lambda _: tmp_path / "cache")
    return tmp_path / "cache"


def test_a_folder_is_classified_once(archive: Any, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[tuple[str, str]] = []
    monkeypatch.setattr(
        server, "run_server", lambda place, *, overrides, **_: served.append((place, overrides["title"]))
    )
    said = []
    for _ in range(2):
        found = CliRunner().invoke(open_folder, [str(archive.folder / "classified"), "--no-browser"])
        said.append(found.output)
    assert "does not exist" in said[0]
    few = [archive.folder / name for name in ("ua010001.fits",)]
    for _ in range(2):
        found = CliRunner().invoke(open_folder, [*map(str, few), "--no-browser"], catch_exceptions=False)
        said.append(found.output)
    assert "1 spectra classified" in said[2]
    assert "nothing has changed" in said[3]
    assert served[0] == served[1]
    assert Path(served[0][0]).is_relative_to(cache)


def test_nothing_to_classify_is_said(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no spectrum\n")
    with pytest.raises(UserError):
        folder.classified_release([tmp_path / "notes.txt"], model=DEFAULT_MODEL, say=lambda _: None)
    assert not list(cache.rglob("release.duckdb"))
