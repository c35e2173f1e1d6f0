"""Identifiers of spectra and candidates: stable, unique, free of paths."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath
from typing import Final

AUTHORITY: Final = "x-vo-emline.local"
"""Authority of publisher DIDs until a data centre registers its own (IVOA Identifiers 2.0, section 2.1)."""

_SUFFIX = re.compile(r"(\.(fits?|fit|vot|xml|csv|txt|asc|dat))?(\.gz)?$", re.IGNORECASE)
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def stem(source: str) -> str:
    """Give the file name without its suffixes, safe inside an identifier."""
    return _UNSAFE.sub("-", _SUFFIX.sub("", PurePath(source).name)) or "spectrum"


def publisher_dids(
    sources: Sequence[str], surveys: Sequence[str], *, known: Sequence[str], authority: str = AUTHORITY
) -> list[str]:
    """Give every spectrum a publisher DID.

    A spectrum that brings one keeps it; the others get
    ``ivo://AUTHORITY/~?survey/stem``. Where two would be the same (one file
    name in two folders), a digest of the path tells them apart.

    Parameters
    ----------
    sources
        Paths, as the user named them.
    surveys
        Survey of each spectrum (``LAMOST LRS``).
    known
        Identifiers the files bring; empty where they bring none.
    authority
        Authority to publish under.
    """
    made = [
        did or f"ivo://{authority}/~?{_slug(survey)}/{stem(source)}"
        for source, survey, did in zip(sources, surveys, known, strict=True)
    ]
    count = Counter(made)
    return [
        did if count[did] == 1 else f"{did}.{_digest(source)[:8]}"
        for did, source in zip(made, sources, strict=True)
    ]


def candidate_ids(dids: Sequence[str]) -> list[str]:
    """Give the short identifiers under which the service knows spectra (``EML-`` and 12 hex digits)."""
    return [f"EML-{_digest(did)[:12]}" for did in dids]


def _slug(text: str) -> str:
    return _UNSAFE.sub("-", text.lower()).strip("-") or "spectra"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
