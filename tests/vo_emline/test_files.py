from __future__ import annotations

from pathlib import Path

import pytest

from vo_emline.errors import UserError
from vo_emline.files import atomic_path, require_writable


def test_an_interrupted_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")

    def write() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a.csv", "old")]


def test_a_place_is_tried_before_the_work(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.csv"
    require_writable(path)
    assert list(tmp_path.rglob("*")) == [path.parent]
    with pytest.raises(UserError, match="is a folder"):
        require_writable(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write .*: File exists; give another place"):
        require_writable(tmp_path / "file" / "a.csv")


def test_what_cannot_be_written_is_named_as_the_user_named_it() -> None:
    with pytest.raises(FileNotFoundError) as caught, atomic_path(Path("/proc/a.csv")):
        pass
    assert caught.value.filename == "/proc/a.csv"
