"""What the names and values of a query mean: from the tree of the parser to one in which all is known.

``queries``      going through a whole query, and the columns it gives
``sources``      the FROM clause
``expressions``  values and conditions, from the columns up; ``calls``: function calls
``clauses``      GROUP BY and ORDER BY, and what may stand beside aggregates
"""

from service.adql.resolve.queries import Resolved, resolve

__all__ = ["Resolved", "resolve"]
