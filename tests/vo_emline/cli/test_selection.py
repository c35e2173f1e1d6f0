from __future__ import annotations

from pathlib import Path

import pytest

from vo_emline.cli.selection import read_adql
from vo_emline.errors import UserError


def test_a_query_is_given_or_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "q.adql"
    file.write_text("SELECT 1")
    assert read_adql("SELECT 2") == "SELECT 2"
    assert read_adql(f"@{file}") == "SELECT 1"


def test_a_missing_file_with_a_query_is_an_error_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.adql cannot be read"):
        read_adql(f"@{tmp_path}/none.adql")
