"""A folder that is opened: classified once, and again when a file changes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import pyvo
from astropy.io import fits
from click.testing import CliRunner
from markupsafe import escape

from service import folder, server
from service.cli import open_folder
from vo_emline.candidates import build_release, index_spectra
from vo_emline.errors import UserError
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.runs.publish import missing_files


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


def test_stars_of_one_file_are_served_each_by_itself(start_service: Any, cache: Path, tmp_path: Path) -> None:
    wave = np.linspace(6000, 7100, 1000)
    noise = np.random.default_rng(1).normal(0, 0.01, wave.size)
    line = np.exp(-(((wave - 6564.6) / 6) ** 2))
    columns = [
        fits.Column("NAME", "5A", array=["alpha", "beta"]),
        fits.Column("RA", "D", unit="deg", array=[10.0, 20.0]),
        fits.Column("DEC", "D", unit="deg", array=[5.0, 6.0]),
        fits.Column("WAVE_VAC", "1000D", unit="Angstrom", array=np.stack([wave, wave])),
        fits.Column("FLUX", "1000D", array=[1 + 2 * line + noise, 1 - line / 2 + noise]),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "stars.fits")
    release = folder.classified_release([tmp_path], model=DEFAULT_MODEL, say=lambda _: None)
    assert missing_files(release) == []
    found = pyvo.dal.SSAService(f"{start_service(release).url}/ssa").search(format="fits")
    peaks = {}
    for record in found:
        with fits.open(record.getdataurl()) as product:
            peaks[record["ssa_targname"]] = float(product[1].data["flux"].max())
    assert peaks == {"alpha": pytest.approx(3.0, abs=0.1), "beta": pytest.approx(1.0, abs=0.1)}


STRANGE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def mixed(archive: Any, tmp_path: Path) -> Path:
    """A folder with a spectrum, and three other files of strange names."""
    held = tmp_path / "mixed"
    held.mkdir()
    shutil.copy(archive.folder / "ua010001.fits", held)
    for number in range(2):
        (held / f"{STRANGE}{number}.fits").write_bytes(b"SIMPLE  =                    T" + bytes(3000))
    (held / f"{STRANGE}.py").write_text("pass\n")
    return held


def test_the_first_page_tells_what_was_refused_and_passed_over(
    start_service: Any, cache: Path, mixed: Path
) -> None:
    release = folder.classified_release([mixed], model=DEFAULT_MODEL, say=lambda _: None)
    service = start_service(release)
    page = httpx.get(service.url).text
    assert "2 files refused, 1 passed over" in " ".join(page.split())
    assert "a name in .py" in page
    assert f"{escape(STRANGE)}.py" in page
    assert STRANGE not in page
    assert str(mixed.parent) not in page
    told = service.rows("SELECT source, code, message FROM emline.rejects")
    assert {Path(source).name for source, *_ in told} == {f"{STRANGE}{number}.fits" for number in range(2)}
    assert any(str(escape(f"{source}: {message}")) in page for source, _, message in told)


def test_a_folder_that_is_not_classified_tells_what_was_refused(
    start_service: Any, mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    service = start_service(server.find_release(mixed))
    page = httpx.get(service.url).text
    assert "Nothing is classified here" in page
    assert "3 files refused" in page
    assert str(escape(STRANGE)) in page
    assert STRANGE not in page
    assert len(service.rows("SELECT * FROM emline.rejects")) == 3


def test_an_account_of_another_version_is_no_fault_of_the_page(
    start_service: Any, archive: Any, tmp_path: Path
) -> None:
    spectra, _ = index_spectra([archive.folder / "ua010001.fits"])
    metadata = {"passed_over": '{"a name": 3}'}
    build_release(tmp_path / "release.duckdb", spectra=spectra, metadata=metadata)
    page = httpx.get(start_service(tmp_path / "release.duckdb").url)
    assert page.status_code == 200
    assert "passed over" not in page.text
