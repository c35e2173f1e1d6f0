"""The databases that SQL can be written for."""

from __future__ import annotations

from typing import Literal

Dialect = Literal["duckdb", "postgresql"]
"""Name of a database."""
