import json
from pathlib import Path

import pytest

from vo_emline.net.cache import Cache, Download

URL = "http://service/spectrum?ID=1"
SPECTRUM = Download(url=URL, content=b"flux" * 100, media_type="application/fits", filename="a.fits")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / "spectra")
    cache.put(SPECTRUM)
    return cache


def the_file(cache: Cache, suffix: str) -> Path:
    (path,) = cache.path.rglob(f"*{suffix}")
    return path


def test_what_is_put_is_got(cache: Cache) -> None:
    assert cache.get(URL) == SPECTRUM
    assert cache.get("http://service/spectrum?ID=2") is None


@pytest.mark.parametrize("spoil", [lambda b: b[:-1], lambda b: b"X" + b[1:], lambda b: b""])
def test_damaged_bytes_are_as_good_as_absent(cache: Cache, spoil, caplog: pytest.LogCaptureFixture) -> None:
    path = the_file(cache, ".data")
    path.write_bytes(spoil(path.read_bytes()))
    assert cache.get(URL) is None
    assert "damaged" in caplog.text
    cache.put(SPECTRUM)
    assert cache.get(URL) == SPECTRUM


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"url": URL})])
def test_damaged_tickets_are_as_good_as_absent(cache: Cache, text: str) -> None:
    the_file(cache, ".json").write_text(text)
    assert cache.get(URL) is None


def test_bytes_without_ticket_do_not_count(cache: Cache) -> None:
    """A kill between the two writes leaves this."""
    the_file(cache, ".json").unlink()
    assert cache.get(URL) is None


def test_info_and_clear(cache: Cache) -> None:
    assert (cache.info().files, cache.info().size) == (1, 400)
    assert str(cache.clear()) == f"1 files, 0.0 MB in {cache.path}"
    assert cache.info().files == 0
    assert cache.get(URL) is None


def test_an_unused_cache_leaves_no_trace(cache_folder: Path) -> None:
    assert Cache().info().files == 0
    assert Cache().path == cache_folder / "spectra"
    assert not cache_folder.exists()
