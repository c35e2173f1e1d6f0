"""The log of an application inside another program."""

from __future__ import annotations

import time
from typing import Any

import pytest


def test_requests_are_logged_on_standard_error(served: Any, capfd: pytest.CaptureFixture[str]) -> None:
    assert served.sync("SELECT nothing FROM emline.scores").status_code == 400
    said, log, deadline = "", "", time.monotonic() + 10
    while "event=request" not in log and time.monotonic() < deadline:  # written after the answer
        captured = capfd.readouterr()
        said, log = said + captured.out, log + captured.err
    assert "event=query_refused" in log
    assert "event=request" in log
    assert said == ""
