"""From the resolved tree to SQL, for DuckDB and for PostgreSQL with q3c.

``writer``      values and conditions; ``statements``: whole queries
``dialects``    in what the databases differ
``shapes``      geometries as their parts; ``predicates``: conditions between them
``spherical``   geometry of constant regions
``healpix``     constant regions as ranges of pixels
``crossmatch``  joins by position as joins by pixel
``constants``   arithmetic done in advance

What the two databases would do differently is decided here: whole numbers
divide to whole numbers; division by zero and functions outside their domain
give NULL; NULL sorts last; LIKE knows no escape character; numbers with a
decimal point are double precision.
"""

from service.adql.write.dialects import DATABASES, Database
from service.adql.write.statements import StatementWriter

__all__ = ["DATABASES", "Database", "StatementWriter"]
