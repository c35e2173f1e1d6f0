from __future__ import annotations

import pytest

from vo_emline.cli.remarks import narrate, remark
from vo_emline.progress import set_quiet


def test_remarks_go_to_standard_error_and_steps_to_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    remark("3 files")
    narrate("Network")
    assert capsys.readouterr() == ("Network\n", "3 files\n")


def test_quiet_silences_both(capsys: pytest.CaptureFixture[str]) -> None:
    set_quiet(True)
    try:
        remark("3 files")
        narrate("Network")
    finally:
        set_quiet(False)
    assert capsys.readouterr() == ("", "")
