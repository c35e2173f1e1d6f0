"""A service with an authority of its own, which may be registered."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

FACTS = {
    "authority": "example.org",
    "creators": "Ada Lovelace; Annie Jump Cannon",
    "licence": "CC-BY-4.0",
    "doi": "10.5281/zenodo.1",
    "data_release": "DR2 <&>",
    "published": "2026-11-30T12:00:00Z",
}


@pytest.fixture(scope="session")
def named_release(release_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small release, whose operator has said who made it."""
    path = tmp_path_factory.mktemp("named") / "release.duckdb"
    shutil.copyfile(release_file, path)
    with duckdb.connect(str(path)) as database:
        database.executemany("INSERT OR REPLACE INTO internal.metadata VALUES (?, ?)", list(FACTS.items()))
    return path


SETTINGS: dict[str, Any] = {
    "title": "Stars & lines",
    "publisher": "Observatory of <Example>",
    "contact": "vo@example.org",
    "homepage": "https://example.org/",
    "short_title": "lines",
    "public_url": "https://vo.example.org/emline",
}


@pytest.fixture(scope="session")
def registered(start_service: Any, named_release: Path) -> Any:
    """A service that hands out its records, as behind a proxy."""
    return start_service(named_release, **SETTINGS)
