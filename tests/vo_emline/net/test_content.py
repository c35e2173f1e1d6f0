"""Telling a whole FITS file from anything else."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from vo_emline.net.content import ContentError, check_digests, check_fits, excerpt, fits_length, fits_suffix

DID = "ivo://example.test/spectra/s0001"


def test_real_files_are_whole(shared_data: Path) -> None:
    files = [*shared_data.rglob("*.fits"), *shared_data.rglob("*.fit"), *shared_data.rglob("*.fits.gz")]
    assert len(files) > 200
    for path in files:
        content = path.read_bytes()
        check_fits(content)
        assert fits_suffix(content) == (".fits.gz" if content[:2] == b"\x1f\x8b" else ".fits"), path


def test_any_real_cut_is_noticed(shared_data: Path) -> None:
    for name in ("ondrejov/td240024.fits", "lamost/dr1/spec-55903-B90306_sp06-163.fits"):
        content = (shared_data / name).read_bytes()
        needed = fits_length(content)
        assert len(content) - 2880 < needed <= len(content)
        for length in (100, 2880, needed // 2, needed - 2880, needed - 1):
            with pytest.raises(ContentError, match=r"not all there|no end|no data") as caught:
                check_fits(content[:length])
            assert (caught.value.code, caught.value.retry) == ("truncated", True)


def test_missing_padding_is_no_fault(fits_of: Callable[[str], bytes]) -> None:
    content = fits_of(DID)
    check_fits(content[: fits_length(content)])


def test_a_gzip_file_is_opened(fits_of: Callable[[str], bytes]) -> None:
    zipped = gzip.compress(fits_of(DID))
    check_fits(zipped)
    assert fits_suffix(zipped) == ".fits.gz"
    with pytest.raises(ContentError, match="not all there") as caught:
        check_fits(zipped[:-20])
    assert caught.value.code == "truncated"
    with pytest.raises(ContentError, match="no FITS file but: hello"):
        check_fits(gzip.compress(b"hello"))


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"", "empty", "empty file"),
        (
            b"<html><head><title>x</title></head><body>Please <b>log in</b></body>",
            "not_fits",
            "Please log in",
        ),
        (
            b'<VOTABLE><INFO name="QUERY_STATUS" value="ERROR">no such ID</INFO></VOTABLE>',
            "not_fits",
            "no such ID",
        ),
    ],
)
def test_what_came_instead_is_told(content: bytes, code: str, said: str) -> None:
    with pytest.raises(ContentError, match=said) as caught:
        check_fits(content)
    assert (caught.value.code, caught.value.retry) == (code, False)


def test_an_excerpt_is_short() -> None:
    assert len(excerpt(b"word " * 1000)) <= 160


def digest(name: str, content: bytes) -> str:
    return base64.b64encode(hashlib.new(name, content).digest()).decode()


@pytest.mark.parametrize("header", ["content-md5", "digest", "repr-digest", "content-digest"])
def test_stated_checksums_are_compared(header: str) -> None:
    right, wrong = b"spectrum", b"speckles"

    def stated(content: bytes) -> dict[str, str]:
        value = digest("sha256", content)
        forms = {
            "content-md5": digest("md5", content),
            "digest": f"SHA-256={value}",
            "repr-digest": f"sha-256=:{value}:",
            "content-digest": f"unknown=:AA==:, sha-256=:{value}:",
        }
        return {header: forms[header]}

    check_digests(right, stated(right))
    with pytest.raises(ContentError, match="checksum"):
        check_digests(right, stated(wrong))


def test_a_coded_transfer_has_another_checksum() -> None:
    check_digests(b"spectrum", {"content-md5": "AAAA", "content-encoding": "gzip"})
