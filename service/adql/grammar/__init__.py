"""The grammar of ADQL 2.1 (IVOA Recommendation, appendix A), one module a layer.

``cursor`` steps through the tokens; ``values``, ``conditions``, ``tables`` and
``queries`` each add the rules of one part of the grammar, by recursive descent,
named after the rules. What they accept is ADQL 2.1 and nothing else; what they
build is a tree of sqlglot's nodes (:mod:`service.adql.tree`).

Where the standard's text and its grammar differ, or practice is older than
both, the choice is: ``*`` may stand among other select items; a join needs ON or
USING; ``IS NULL`` follows a column; there are no scalar subqueries.
"""

from service.adql.grammar.queries import parse

__all__ = ["parse"]
