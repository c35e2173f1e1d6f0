"""Find emission-line stars in large spectral archives and use the candidates.

>>> import vo_emline as ve
>>> candidates = ve.connect("http://localhost:8000")  # doctest: +SKIP

Names are imported when they are first used, so that ``import vo_emline`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from vo_emline.client import Candidates, Client, connect
    from vo_emline.spectra import Spectrum, read

_HOME = {
    "Candidates": "vo_emline.client",
    "Client": "vo_emline.client",
    "Spectrum": "vo_emline.spectra",
    "connect": "vo_emline.client",
    "read": "vo_emline.spectra",
}

__all__ = ["Candidates", "Client", "Spectrum", "__version__", "connect", "read"]


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name == "__version__":
        from importlib.metadata import version  # slow to import

        return version("vo-emline")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
