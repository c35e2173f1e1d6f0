"""Names of facts about a release that programs read, not people."""

from __future__ import annotations

from typing import Final

PASSED_OVER: Final = "passed_over"
"""Files of the folders that were not tried: by the reason, how many and the names of the first (JSON)."""
