"""The released data: one read-only DuckDB file behind views, exchanged under load.

``tap_schema``  TAP_SCHEMA: its tables, and their rows made from the table descriptions
``release``     one open release: the file attached read-only, views, locked configuration
``store``       the release that is served now, and its exchange for a newer one
"""

from service.store.release import Release
from service.store.store import ReleaseStore

__all__ = ["Release", "ReleaseStore"]
