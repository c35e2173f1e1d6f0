"""What a service has: its tables and their columns, as tables that print well."""

from __future__ import annotations

import pyvo
from astropy.table import Table

from vo_emline.client import queries, tap
from vo_emline.errors import UserError


def tables(service: pyvo.dal.TAPService) -> Table:
    """List the tables with their descriptions."""
    return tap.run(service, queries.tables(), maxrec=tap.hard_limit(service)).table


def columns(service: pyvo.dal.TAPService, table: str) -> Table:
    """List the columns of one table with units, UCDs and descriptions.

    Raises
    ------
    UserError
        There is no such table.
    """
    found = tap.run(service, queries.columns_of(table), maxrec=tap.hard_limit(service)).table
    if not len(found):
        names = ", ".join(tables(service)["table_name"])
        raise UserError(f"the service has no table {table!r}; it has {names}")
    return found
