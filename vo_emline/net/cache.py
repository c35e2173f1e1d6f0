"""Downloaded spectra on disk: written in one step, checked whenever they are read."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import platformdirs

from vo_emline.files import write_bytes, write_json

logger = logging.getLogger(__name__)

VARIABLE: Final = "VO_EMLINE_CACHE"
"""Environment variable that names another folder for the cache."""


def cache_directory() -> Path:
    """Give the folder of everything that may be fetched again."""
    return Path(os.environ.get(VARIABLE) or platformdirs.user_cache_dir("vo-emline"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """The bytes of an address and what the server said of them."""

    url: str
    content: bytes
    media_type: str = ""
    filename: str = ""
    """Name the server suggests (``Content-Disposition``); empty for none."""
    service: str = ""
    """What the service says of itself (name and version of the server)."""


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """What a cache holds."""

    path: Path
    files: int
    size: int
    """Bytes."""

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.files} files, {self.size / 1e6:.1f} MB in {self.path}"


@dataclass(frozen=True, slots=True)
class _Ticket:
    """What is kept beside the bytes."""

    url: str
    sha256: str
    size: int
    media_type: str
    filename: str
    service: str = ""


class Cache:
    """A folder of downloads, by address.

    Each download is two files: its bytes, and a ticket (JSON) with their
    digest. The ticket is written last; bytes that do not fit their ticket
    are as good as absent, so neither a kill nor a full disk can spoil a
    later run.

    Parameters
    ----------
    path
        The folder; it is created when something is put into it. Default:
        ``spectra`` in the user's cache folder (``VO_EMLINE_CACHE`` names
        another).
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or cache_directory() / "spectra"

    def get(self, url: str) -> Download | None:
        """Give what is kept for an address; None where there is nothing, or it is damaged."""
        content_path, ticket_path = self._paths(url)
        try:
            ticket = _Ticket(**json.loads(ticket_path.read_bytes()))
            content = content_path.read_bytes()
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            logger.warning("the cached copy of %s has a damaged ticket and is fetched again", url)
            return None
        if hashlib.sha256(content).hexdigest() != ticket.sha256:
            logger.warning("the cached copy of %s is damaged and is fetched again", url)
            return None
        return Download(
            url=url,
            content=content,
            media_type=ticket.media_type,
            filename=ticket.filename,
            service=ticket.service,
        )

    def put(self, download: Download) -> None:
        """Keep a download."""
        content_path, ticket_path = self._paths(download.url)
        digest = hashlib.sha256(download.content).hexdigest()
        write_bytes(content_path, download.content)
        ticket = _Ticket(
            download.url,
            digest,
            len(download.content),
            download.media_type,
            download.filename,
            download.service,
        )
        write_json(ticket_path, asdict(ticket))

    def info(self) -> CacheInfo:
        """Count what is kept."""
        sizes = [path.stat().st_size for path in self.path.rglob("*.data")]
        return CacheInfo(self.path, len(sizes), sum(sizes))

    def clear(self) -> CacheInfo:
        """Remove everything and tell what it was."""
        removed = self.info()
        shutil.rmtree(self.path, ignore_errors=True)
        return removed

    def _paths(self, url: str) -> tuple[Path, Path]:
        key = hashlib.sha256(url.encode()).hexdigest()
        folder = self.path / key[:2]
        return folder / f"{key}.data", folder / f"{key}.json"
