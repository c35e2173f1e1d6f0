"""What somebody may have meant: the nearest of the known names."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Give the known name most like `name`, in its own spelling; ``None`` where none is near."""
    spelling = {candidate.lower(): candidate for candidate in known}
    found = get_close_matches(name.lower(), spelling, n=1, cutoff=0.6)
    return spelling[found[0]] if found else None
