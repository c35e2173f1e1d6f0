"""Texts and names inside SQL."""

from __future__ import annotations


def literal(text: str) -> str:
    """Give `text` as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Give `name` as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'
