from __future__ import annotations

from pathlib import Path

import pytest

from vo_emline.errors import UserError
from vo_emline.spectra import find_spectra


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


def test_every_real_spectrum_is_found(shared_data: Path) -> None:
    assert len(find_spectra([shared_data / "lamost"])) == 228
    assert len(find_spectra([shared_data / "ondrejov", shared_data / "formats"])) == 30
