"""The released data: in a DuckDB file or in PostgreSQL, read-only, exchanged under load.

``release``     what every release can do, whichever database holds it
``running``     one query while it runs: its time limit, how to stop it
``duckdb``      a release in a file; ``opening``: how it is opened; ``workers``: the processes that answer
``postgresql``  a release in PostgreSQL
``store``       the release that is served now, and its exchange for a newer one
``tap_schema``  TAP_SCHEMA: its tables, and their rows made from the table descriptions
"""

from __future__ import annotations

from pathlib import Path

from service.config import Settings
from service.store.release import Release
from service.store.running import RunningQuery
from service.store.store import FileStore, ReleaseStore
from service.urls import Urls
from vo_emline.errors import UserError


def open_store(place: str, *, settings: Settings, urls: Urls) -> ReleaseStore:
    """Open the release in a file, or in the PostgreSQL database of a connection string.

    Raises
    ------
    DataError
        There is no release.
    UserError
        The client of PostgreSQL is not installed.
    """
    if not is_database(place):
        return FileStore(Path(place), settings=settings, urls=urls)
    try:
        from service.store.postgresql import DatabaseStore
    except ImportError as error:
        raise UserError("PostgreSQL needs its client: pip install 'vo-emline[postgres]'") from error
    return DatabaseStore(place, settings=settings, urls=urls)


def is_database(place: str) -> bool:
    """Tell whether `place` is the address of a PostgreSQL database rather than of a file."""
    return place.startswith(("postgresql://", "postgres://"))


__all__ = ["FileStore", "Release", "ReleaseStore", "RunningQuery", "is_database", "open_store"]
