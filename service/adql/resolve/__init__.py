"""What the names and values of a query mean.

``scope``        which names can be seen from where
``columns``      from a column's name to the column
``expressions``  kind, unit and meaning of every value; ``calls`` and ``comparisons`` help
``sources``      the FROM clause
``terms``        GROUP BY and ORDER BY
``grouping``     what may stand beside aggregates
``outputs``      the columns a query gives
``resolver``     going through a whole query
``problems``     errors that point into the query
"""

from service.adql.resolve.expressions import value_of
from service.adql.resolve.outputs import Output
from service.adql.resolve.resolver import Resolved, resolve
from service.adql.resolve.scope import Relation, Scope

__all__ = ["Output", "Relation", "Resolved", "Scope", "resolve", "value_of"]
