"""Fixtures of the whole suite."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real survey and archive files beside the repository; the test is skipped without it."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real data in {SHARED_DATA}")
    return SHARED_DATA


PROGRAMS = {"stilts": ("stilts",), "topcat": ("topcat", "Xvfb", "xdotool")}
"""Marker → programs (Debian packages) that its tests run."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests of programs that are not there; give those among desktop programs two more tries.

    A busy machine drops clicks and messages.
    """
    for item in items:
        for marker, programs in PROGRAMS.items():
            missing = [program for program in programs if shutil.which(program) is None]
            if missing and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"not installed: {', '.join(missing)} (.ci/apt.sh)"))
        if "samp" in item.path.parts:
            item.add_marker(pytest.mark.timeout(120))
            item.add_marker(pytest.mark.flaky(reruns=2))
