"""ADQL 2.1: from the text of a query to SQL and to the meaning of its columns.

``lexer``, ``grammar``  the text becomes a tree, or an error that says where and what instead
``functions``           the closed table of functions
``resolve``             names and types: what every value and result column is
``write``               SQL for DuckDB or PostgreSQL, spatial conditions by pixel
``compiled``            all of it in one call
``helpers``             the functions that the databases must be given
``capabilities``        what of the optional features is offered

The tree is made of sqlglot's nodes, but not by its parser: read as T-SQL that accepts
more than half of the invalid queries of the IVOA's corpus and mends others in silence.
The grammar here is the standard's own, rule by rule, so what it refuses is not ADQL.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from service.adql.capabilities import FEATURES
    from service.adql.compiled import CompiledQuery, check_query, compile_query
    from service.adql.errors import AdqlError
    from service.adql.helpers import POSTGRESQL_SETUP, register_functions
    from service.adql.words import as_identifier

__all__ = [
    "FEATURES",
    "POSTGRESQL_SETUP",
    "AdqlError",
    "CompiledQuery",
    "as_identifier",
    "check_query",
    "compile_query",
    "register_functions",
]

_MODULES: Final = {
    "FEATURES": "capabilities",
    "POSTGRESQL_SETUP": "helpers",
    "AdqlError": "errors",
    "CompiledQuery": "compiled",
    "as_identifier": "words",
    "check_query": "compiled",
    "compile_query": "compiled",
    "register_functions": "helpers",
}
"""Where each public name lives: loaded when it is asked for, as the command line must start fast."""


def __getattr__(name: str) -> Any:
    """Load a public name."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
