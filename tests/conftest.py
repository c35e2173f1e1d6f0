"""Fixtures of the whole suite."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real survey and archive files beside the repository; the test is skipped without it."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real data in {SHARED_DATA}")
    return SHARED_DATA


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests that drive windows by mouse and keyboard two more tries: a busy machine drops clicks."""
    for item in items:
        if item.get_closest_marker("topcat"):
            item.add_marker(pytest.mark.flaky(reruns=2))
