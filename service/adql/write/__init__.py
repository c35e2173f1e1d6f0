"""From the resolved tree to SQL, for DuckDB and for PostgreSQL with q3c.

``statements``   whole queries; ``expressions``: values and conditions
``shapes``       geometries as their parts; ``predicates``: conditions between them
``spherical``    geometry of constant regions
``crossmatch``   joins by position as joins by pixel
``dialects``     in what databases differ; ``duckdb``, ``postgresql``: each with its own

What the two databases would do differently is decided here: whole numbers
divide to whole numbers; division by zero and functions outside their domain
give NULL; NULL sorts last; LIKE knows no escape character; numbers with a
decimal point are double precision.
"""

from typing import Final

from service.adql.write.dialects import Database, Dialect
from service.adql.write.duckdb import DUCKDB
from service.adql.write.postgresql import POSTGRESQL
from service.adql.write.statements import StatementWriter

DATABASES: Final[dict[Dialect, Database]] = {"duckdb": DUCKDB, "postgresql": POSTGRESQL}
"""The databases that queries can be written for."""

__all__ = ["DATABASES", "Database", "Dialect", "StatementWriter"]
