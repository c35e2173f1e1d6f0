"""Every real file opens or is refused with a correct reason; damaged and hostile ones are refused."""

from __future__ import annotations

import gzip
import io
import os
import random
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from vo_emline.errors import DataError
from vo_emline.rejects import Reject
from vo_emline.spectra import read, read_bytes, read_or_reject, read_part_or_reject
from vo_emline.spectra.limits import MAX_BYTES

EMISSION = "lamost/dr1/spec-56284-GAC122S02V2_sp14-183.fits"


def code_of(content: bytes) -> str:
    with pytest.raises(DataError) as caught:
        read_bytes(content, source="the file")
    assert caught.value.source == "the file"
    assert caught.value.message
    return caught.value.code


def test_every_file_of_every_folder(shared_data: Path) -> None:
    outcomes: Counter[tuple[str, str]] = Counter()
    for path in sorted(path for path in shared_data.rglob("*") if path.is_file()):
        result = read_or_reject(path)
        outcome = result.code if isinstance(result, Reject) else result.layout
        outcomes[path.parent.relative_to(shared_data).as_posix(), outcome] += 1
    assert outcomes == {
        ("lamost/dr1", "lamost-image-continuum"): 20,
        ("lamost/dr1-plate", "lamost-image-continuum"): 85,
        ("lamost/dr2", "lamost-image-wavelength"): 16,
        ("lamost/dr6-dr7", "lamost-image-wavelength"): 102,
        ("lamost/dr10", "lamost-coadd-table"): 1,
        ("lamost/mrs", "lamost-mrs-table"): 4,
        ("ondrejov", "fits-table"): 21,
        ("ondrejov", "fits-image"): 2,
        ("formats", "fits-table"): 1,
        ("formats", "fits-image"): 1,
        ("formats", "votable"): 2,
        ("formats", "text"): 3,
        (".", "not_a_spectrum"): 1,
        ("adql/ivoa", "foreign"): 17,
        ("adql/ivoa", "not_a_spectrum"): 1,
        ("catalogues", "not_a_spectrum"): 9,
        ("services/lamost", "not_a_spectrum"): 13,
        ("services/lamost", "broken"): 1,  # FIELD datatype="date"
        ("services/ondrejov", "not_a_spectrum"): 1,
        ("services/ondrejov", "broken"): 1,  # PARAM arraysize="m"
    }


def test_gzip_is_transparent(shared_data: Path) -> None:
    content = (shared_data / EMISSION).read_bytes()
    plain, zipped = read_bytes(content, source="x"), read_bytes(gzip.compress(content), source="x")
    assert np.array_equal(plain.flux, zipped.flux)
    assert plain.identity == zipped.identity


def test_names_do_not_matter(shared_data: Path, tmp_path: Path) -> None:
    odd = tmp_path / "spectrum.csv"
    odd.write_bytes((shared_data / EMISSION).read_bytes())
    assert read(odd).layout == "lamost-image-continuum"


def test_missing_file_and_folder_are_unreadable(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.fits", tmp_path):
        with pytest.raises(DataError, match="unreadable") as caught:
            read(path)
        assert caught.value.source == str(path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.fits"
    os.mkfifo(pipe)
    for found in (read_or_reject(pipe), read_part_or_reject(pipe, between=(6500.0, 6700.0))):
        assert found == Reject(str(pipe), "unreadable", "it is not a regular file")


def test_a_name_that_is_no_utf8_is_refused_and_can_be_stored(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"latin\xe9.fits")
    path.touch()
    reason = "the name of the file is not valid UTF-8; rename it"
    for found in (read_or_reject(path), read_part_or_reject(path, between=(6500.0, 6700.0))):
        assert found == Reject(rf"{tmp_path}/latin\xe9.fits", "unreadable", reason)


def test_a_bad_file_in_bulk_is_a_reject_with_the_same_words(tmp_path: Path) -> None:
    empty = tmp_path / "empty.fits"
    empty.touch()
    assert read_or_reject(empty) == Reject(str(empty), "empty", "the file is empty")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (gzip.compress(b"", mtime=0), "empty"),
        (b"# only\n# comments\n", "empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "foreign"),
        (b"PK\x03\x04\x14\x00\x00\x00", "broken"),
        (b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "foreign"),
        (b'{"error": "no such obsid"}', "not_a_spectrum"),
        (b"name,ra,dec\nVega,279.2,38.8\n", "not_a_spectrum"),
        (b"SIMPLE  =                    T", "truncated"),
        (b"\x1f\x8bnot really gzip", "broken"),
    ],
)
def test_what_is_no_spectrum_is_refused(content: bytes, code: str) -> None:
    assert code_of(content) == code


@pytest.mark.parametrize(
    "name", [EMISSION, "ondrejov/td240024.fits", "lamost/dr2/spec-55919-B5591903_sp01-003.fits"]
)
@pytest.mark.parametrize("fraction", [0.3, 0.6, 0.9])
def test_truncated_fits(shared_data: Path, name: str, fraction: float) -> None:
    content = (shared_data / name).read_bytes()
    cut = content[: int(fraction * len(content))]
    assert code_of(cut) == "truncated"
    assert code_of(gzip.compress(content)[: int(fraction * len(gzip.compress(content)))]) == "truncated"


def test_a_gzip_bomb_is_refused_before_it_fills_the_memory() -> None:
    bomb = gzip.compress(bytes(MAX_BYTES + 1), compresslevel=1)
    assert code_of(bomb) == "too_large"


def image_with(content: bytes, flux: float) -> bytes:
    with fits.open(io.BytesIO(content)) as hdus:
        hdus[0].data[0] = flux
        buffer = io.BytesIO()
        hdus.writeto(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("flux", "code"), [(np.nan, "all_nan"), (np.inf, "all_nan"), (0.0, "all_zero"), (7.0, "constant")]
)
def test_dead_spectra(shared_data: Path, flux: float, code: str) -> None:
    assert code_of(image_with((shared_data / EMISSION).read_bytes(), flux)) == code


def test_nan_pixels_are_masked_and_stay_in_place(shared_data: Path) -> None:
    with fits.open(shared_data / EMISSION) as hdus:
        hdus[0].data[0, 100:110] = np.nan
        buffer = io.BytesIO()
        hdus.writeto(buffer)
    before, after = read(shared_data / EMISSION), read_bytes(buffer.getvalue(), source="x")
    assert len(after) == len(before)
    assert after.mask[100:110].all()


def test_many_threads_read_at_once_and_leave_the_warnings_alone(shared_data: Path) -> None:
    names = [EMISSION, "formats/binary.vot", "ondrejov/td240024.fits"] * 10
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        spectra = list(pool.map(read, [shared_data / name for name in names]))
    assert [len(spectrum) for spectrum in spectra[:3]] * 10 == [len(spectrum) for spectrum in spectra]
    assert list(warnings.filters) == before


def test_complaints_of_astropy_go_to_the_log(shared_data: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = (shared_data / EMISSION).read_bytes()
    with caplog.at_level("DEBUG", logger="vo_emline.spectra"):
        read_bytes(content[:-100], source="unpadded.fits")
    assert any("unpadded.fits: File may have been truncated" in message for message in caplog.messages)


FUZZED = (
    EMISSION,
    "ondrejov/td240024.fits",
    "ondrejov/oe270005.fits",
    "formats/binary.vot",
    "formats/spectrum.csv",
    "lamost/dr10/spec-57278-EG224429N215706B01_sp01-001.fits.gz",
)


def damaged(content: bytes, dice: random.Random) -> bytes:
    """Overwrite some bytes, mostly of the header, or cut some out."""
    hurt = bytearray(content)
    for _ in range(dice.choice([1, 5, 50])):
        hurt[dice.randrange(min(len(hurt), 20_000))] = dice.randrange(256)
    if dice.random() < 0.5:
        start = dice.randrange(min(len(hurt), 12_000))
        del hurt[start : start + dice.randrange(200)]
    return bytes(hurt)


@pytest.mark.parametrize("name", FUZZED)
def test_damage_never_raises_anything_but_a_data_error(shared_data: Path, name: str) -> None:
    dice = random.Random(name)
    content = (shared_data / name).read_bytes()
    if name.endswith(".gz"):
        content = gzip.decompress(content)
    refused = 0
    for _ in range(60):
        try:
            spectrum = read_bytes(damaged(content, dice), source=name)
        except DataError:
            refused += 1
        else:
            assert np.isfinite(spectrum.flux[~spectrum.mask]).all()
            assert np.all(np.diff(spectrum.wavelength_vac) > 0)
    assert refused > 0
