"""The original files, byte for byte. Their paths come from the index, never from a request."""

from __future__ import annotations

from pathlib import Path

FITS_IMAGE = "image/fits"
FITS_TABLE = "application/fits"


def original_type(layout: str, path: Path) -> str:
    """Give the media type of an original file, by its layout and suffix."""
    if path.suffix.lower() == ".gz":
        return "application/gzip"
    if layout == "votable":
        return "application/x-votable+xml"
    if layout == "text":
        return "text/csv" if path.suffix.lower() == ".csv" else "text/plain"
    return FITS_IMAGE if "image" in layout else FITS_TABLE
