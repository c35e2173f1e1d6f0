"""ADQL 2.1: from the text of a query to SQL and to the meaning of its columns.

``compiled``   all of it in one call
``nodes``      the tree of a query; ``names``, ``values``: what stands in it
``lexer``, ``parse``, ``parse_values``
               the text becomes a tree, or an error that says where and what instead
``functions``  the closed table of functions, and what of the optional features is offered
``resolve``    names and types: what every value and result column is
``write``      SQL for DuckDB or PostgreSQL, spatial conditions by pixel, and the functions
               that the databases must be given

The grammar is the standard's own, rule by rule, so what the parser refuses is not ADQL.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from service.adql.compiled import CompiledQuery, check_query, compile_query
    from service.adql.errors import AdqlError
    from service.adql.functions import FEATURES
    from service.adql.lexer import as_identifier
    from service.adql.write.duckdb import register_functions
    from service.adql.write.postgresql import POSTGRESQL_SETUP

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
    "FEATURES": "functions",
    "POSTGRESQL_SETUP": "write.postgresql",
    "AdqlError": "errors",
    "CompiledQuery": "compiled",
    "as_identifier": "lexer",
    "check_query": "compiled",
    "compile_query": "compiled",
    "register_functions": "write.duckdb",
}
"""Where each public name lives: loaded when it is asked for, as the command line must start fast."""


def __getattr__(name: str) -> Any:
    """Load a public name."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
