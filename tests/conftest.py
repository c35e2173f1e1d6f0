"""Fixtures of the whole suite."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import beartype.typing  # noqa: F401  named in a string below
import psycopg
import pytest
from jaxtyping import install_import_hook

CHECKED = ("arrays", "preprocess", "simulate", "training", "measure", "survey", "evaluate")
"""Packages whose arguments and results are held to their annotations, the shapes of arrays included."""

# Integers are floats, as for mypy; ``Self``, which beartype knows in whole classes only, tells of no array.
SETTINGS = "is_pep484_tower=True, hint_overrides=beartype.FrozenDict({beartype.typing.Self: object})"
# before anything imports them: what is loaded already stays unchecked
install_import_hook(
    [f"vo_emline.{name}" for name in CHECKED],
    f"beartype.beartype(conf=beartype.BeartypeConf({SETTINGS}))",
)

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real survey and archive files beside the repository; the test is skipped without it."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real data in {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def new_database() -> Iterator[Callable[[str], str]]:
    """Give a function that makes an empty database in a PostgreSQL server of our own, and gives its address.

    Skips where PostgreSQL is not installed.
    """
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        pytest.skip("needs the Debian packages postgresql-15 and postgresql-15-q3c")
    # Not pytest's own folder: that is closed to the user the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    prefix: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        prefix = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        shutil.chown(folder, "nobody", "nogroup")
        folder.chmod(0o755)

    def call(program: str, *arguments: str) -> None:
        command = [*prefix, str(programs[-1] / program), "-D", f"{folder}/data", *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)

    def address(name: str) -> str:
        return f"postgresql://owner@/{name}?host={folder}"

    def create(name: str) -> str:
        with psycopg.connect(address("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return address(name)

    try:
        call("initdb", "-U", "owner", "--locale=C.UTF-8", "--no-sync")
        options = f"-c listen_addresses='' -k {folder} -c fsync=off"
        call("pg_ctl", "-w", "-o", options, "-l", f"{folder}/log", "start")
        yield create
    finally:
        call("pg_ctl", "-m", "immediate", "stop")
        shutil.rmtree(folder)


PROGRAMS = {
    "browser": ("chromium",),
    "jsamp": ("jsamp",),
    "stilts": ("stilts",),
    "topcat": ("topcat", "Xvfb", "xdotool"),
}
"""Marker → programs (Debian packages) that its tests run."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests of programs that are not there; give those that drive TOPCAT two more tries.

    A busy machine drops clicks.
    """
    for item in items:
        for marker, programs in PROGRAMS.items():
            missing = [program for program in programs if shutil.which(program) is None]
            if missing and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"not installed: {', '.join(missing)} (.ci/apt.sh)"))
        if "samp" in item.path.parts:
            item.add_marker(pytest.mark.timeout(120))
        if item.get_closest_marker("topcat"):
            item.add_marker(pytest.mark.flaky(reruns=2))
