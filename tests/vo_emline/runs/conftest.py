"""Runs of the tests measure lines classically and have no student: both are tested on their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def no_regression() -> Iterator[None]:
    """Set by the environment, which programs that the tests start inherit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VO_EMLINE_RUN_LINES__STARS", "0")
        patch.setenv("VO_EMLINE_RUN_STUDENT__STARS", "0")
        yield
