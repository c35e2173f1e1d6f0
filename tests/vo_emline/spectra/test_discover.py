from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from vo_emline.errors import UserError
from vo_emline.spectra import discover, find_spectra, printable


def touch(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


def test_folders_are_searched_in_the_order_of_names(tmp_path: Path) -> None:
    wanted = touch(tmp_path, "a/2.fits", "a/3.FITS.GZ", "b/1.vot", "b/c/0.csv")
    touch(tmp_path, "a/notes.pdf", "a/.hidden.fits", ".cache/5.fits", "b/x.fits.part")
    assert find_spectra([tmp_path]) == wanted


def test_named_files_come_first_once_and_whatever_their_names(tmp_path: Path) -> None:
    odd, other = touch(tmp_path, "z.bin", "a.fits")
    assert find_spectra([odd, tmp_path, str(other)]) == [odd, other]


def test_missing_and_empty_paths_are_errors_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere does not exist"):
        find_spectra([tmp_path / "nowhere"])
    with pytest.raises(UserError, match=r"holds no file that could be a spectrum"):
        find_spectra([tmp_path])


def test_links_to_folders_are_followed_and_each_folder_is_entered_once(tmp_path: Path) -> None:
    elsewhere, here = tmp_path / "disk2", tmp_path / "mirror"
    touch(elsewhere, "dr7/1.fits")
    touch(here, "dr1/0.fits")
    (here / "dr7").symlink_to(elsewhere / "dr7")
    (here / "dr7-again").symlink_to(elsewhere / "dr7")
    (here / "dr1" / "up").symlink_to(here)
    assert find_spectra([here]) == [here / "dr1/0.fits", here / "dr7/1.fits"]


def test_a_folder_that_cannot_be_read_is_no_silent_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "open/1.fits", "closed/2.fits")
    scandir = os.scandir

    def refuse(path: str) -> object:  # root may read whatever its mode
        if str(path).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(discover.os, "scandir", refuse)
    with pytest.raises(UserError, match=r"closed cannot be searched for spectra: Permission denied"):
        find_spectra([tmp_path])


def test_a_name_that_is_no_utf8_can_be_printed() -> None:
    assert printable(Path("α Lyr.fits")) == "α Lyr.fits"
    assert printable(os.fsdecode(b"latin\xe9.fits")) == r"latin\xe9.fits"


def test_every_real_spectrum_is_found(shared_data: Path) -> None:
    assert len(find_spectra([shared_data / "lamost"])) == 228
    assert len(find_spectra([shared_data / "ondrejov", shared_data / "formats"])) == 30
