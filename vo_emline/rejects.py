"""Rejects: what could not be used, and why. Rows in = rows out + rejects."""

from __future__ import annotations

from dataclasses import dataclass

from vo_emline.errors import DataError


@dataclass(frozen=True, slots=True)
class Reject:
    """One input that could not be used."""

    source: str
    """The file or row at fault, as the user would name it."""
    code: str
    """Machine-readable reason (``truncated``, ``not_covered``, …)."""
    message: str
    """The reason in one sentence."""

    @classmethod
    def from_error(cls, error: DataError) -> Reject:
        """Turn the exception of a reader into a row of the rejects table."""
        return cls(error.source, error.code, error.message)
