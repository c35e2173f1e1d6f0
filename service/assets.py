"""Style sheets and scripts, served by us: read once, and named by content so that browsers may keep them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}
"""Media types, by suffix; what has another is not served."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    content: bytes
    media_type: str
    version: str
    """Digest of the content."""


@cache
def assets() -> dict[str, Asset]:
    """Read all of them, by their path below ``service/web/static``."""
    found = {}
    root = files("service") / "web" / "static"
    for folder, prefix in ((root, ""), (root / "vendor", "vendor/")):
        for item in folder.iterdir():
            suffix = f".{item.name.rpartition('.')[2]}"
            if item.is_file() and suffix in TYPES:
                content = item.read_bytes()
                version = hashlib.sha256(content).hexdigest()[:12]
                found[f"{prefix}{item.name}"] = Asset(content, TYPES[suffix], version)
    return found
