from __future__ import annotations

import errno
import os
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
from astropy.table import Table

from vo_emline.errors import UserError
from vo_emline.spectra import discover, find_spectra, printable
from vo_emline.spectra.lists import TABLE_SUFFIXES


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


def test_a_list_names_files_relative_to_itself_each_once(tmp_path: Path) -> None:
    a, b = touch(tmp_path, "spectra/a.fit", "spectra/b.fits.gz")
    listed = tmp_path / "list.csv"
    listed.write_text("path,label\nspectra/b.fits.gz,emission\n# remark\nspectra/a.fit\nspectra/./a.fit\n")
    assert find_spectra([listed]) == [b, a]
    assert find_spectra([tmp_path / "spectra", listed]) == [a, b]
    assert find_spectra([tmp_path]) == [listed, a, b]  # met in a folder it is a file like any other


def test_a_list_that_leads_nowhere_is_refused_but_a_gap_is_left_to_the_reader(tmp_path: Path) -> None:
    (there,) = touch(tmp_path, "a.fits")
    listed = tmp_path / "list.txt"
    listed.write_text("a.fits\nlost.fits\n")
    assert find_spectra([listed]) == [there, tmp_path / "lost.fits"]
    listed.write_text("# night 1\nlost.fits\na.fits\n")
    with pytest.raises(UserError, match=r"list.txt:2: there is no .*lost.fits; names in a list are relative"):
        find_spectra([listed])
    listed.write_bytes(b"a.fits\n" + b"x" * 10_000 + b"\n\xe9.fits\n")
    with pytest.raises(UserError, match=r"list.txt is no list of files in UTF-8"):
        find_spectra([listed])


NAMES = ["spectra/b.fits.gz", "spectra/a.fit"]


@pytest.mark.parametrize(
    "text",
    [
        "obsid,file,ra\n1,{0},84.4\n2,{1},84.5\n",
        "number;Datei\n1;{0}\n2;{1}\n",
        'name\tlabel\n"{0}"\temission\n"{1}"\tabsorption\n',
        "| {0} | emission |\n| {1} | absorption |\n",
    ],
)
def test_names_stand_in_any_column_of_a_text(tmp_path: Path, text: str) -> None:
    touch(tmp_path, *NAMES)
    listed = tmp_path / "list.csv"
    listed.write_text(text.format(*NAMES))
    assert find_spectra([listed]) == [tmp_path / name for name in NAMES]


@pytest.mark.parametrize("suffix", [".vot", ".xml", ".fits", ".ecsv", ".parquet"])
def test_names_stand_in_a_column_of_a_table(tmp_path: Path, suffix: str) -> None:
    touch(tmp_path, *NAMES)
    listed = tmp_path / f"selection{suffix}"
    kind = TABLE_SUFFIXES[suffix]
    Table({"obsid": [1, 2], "designation": ["J1", "J2"], "path": NAMES}).write(listed, format=kind)
    assert find_spectra([listed]) == [tmp_path / name for name in NAMES]
    Table({"obsid": [1, 2], "path": ["x.fits", "y.fits"]}).write(listed, format=kind, overwrite=True)
    assert find_spectra([listed]) == [listed]  # none is there: whoever reads it will say what is wrong


@pytest.mark.parametrize("suffix", [".vot", ".fits", ".parquet", ".ecsv"])
def test_a_table_that_is_broken_or_hostile_is_no_list(tmp_path: Path, suffix: str) -> None:
    listed = tmp_path / f"selection{suffix}"
    listed.write_bytes(
        b"PAR1 <!DOCTYPE x [<!ENTITY a 'b'>]><FIELD name='p' datatype='char'/> datatype: string "
        b"TFORM1  = '80A     '"
    )
    assert find_spectra([listed]) == [listed]


def test_names_are_relative_to_the_list_or_else_to_where_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, *NAMES)
    listed = tmp_path / "lists" / "list.txt"
    listed.parent.mkdir()
    listed.write_text("\n".join(NAMES))
    monkeypatch.chdir(tmp_path)
    assert find_spectra([listed]) == [Path(name) for name in NAMES]


def test_a_text_spectrum_is_no_list(tmp_path: Path) -> None:
    text = tmp_path / "star.txt"
    text.write_text("# wavelength flux\n6500.0 1.0\n6500.5 1.1\n")
    assert find_spectra([text]) == [text]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1.5," * 200_000, id="one line of 200 000 numbers"),
        pytest.param(("1.5;" * 2_000 + "\n") * 20, id="2 000 columns"),
        pytest.param("[" * 200_000 + "]x.fits", id="brackets without end"),
        pytest.param("?a" * 100_000 + "\n", id="many questions"),
        pytest.param("a" * 140_000 + ",b\n1,2\n", id="a cell longer than csv takes"),
        pytest.param("n" * 300 + ".fits\n", id="a name longer than a system takes"),
        pytest.param('"open,\rquote.fits\n', id="a carriage return within a line"),
        pytest.param("a\0b.fits,1\n", id="a zero within a name"),
    ],
)
def test_a_text_of_any_shape_is_looked_at_in_no_time(tmp_path: Path, text: str) -> None:
    odd = tmp_path / "odd.csv"
    odd.write_text(text)
    names_one = (
        pytest.raises(UserError, match="there is no") if ".fits\n" in text or ".fits," in text else None
    )
    begun = time.process_time()
    with names_one or nullcontext():
        assert find_spectra([odd]) == [odd]
    assert time.process_time() - begun < 2


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
