"""What is a file that may hold a spectrum, from its first bytes and its size."""

from __future__ import annotations

from typing import Final

MAX_BYTES: Final = 256 * 1024**2
"""No spectrum is larger than this, compressed or not; what is, is refused."""

GZIP_MAGIC: Final = b"\x1f\x8b"
"""First bytes of a gzip stream (RFC 1952)."""

FITS_MAGIC: Final = b"SIMPLE  ="
"""First bytes of a FITS file (FITS Standard 4.0, section 4.4.1.1)."""
