"""Packages whose names are imported when they are first used, so that a command loads what it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(package: str, names: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the ``__getattr__`` and ``__dir__`` of a package.

    Parameters
    ----------
    package
        Its name.
    names
        For each of its modules the names of it that the package offers, separated by blanks. The package
        imports the same ones under ``TYPE_CHECKING``, for type checkers (``tests/test_lazy.py``).

    Returns
    -------
    tuple
        ``__getattr__``, which raises :class:`AttributeError` for any other name, and ``__dir__``.
    """
    homes = {name: module for module, offered in names.items() for name in offered.split()}

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return get, lambda: sorted(homes)
