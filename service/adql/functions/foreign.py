"""User-defined functions of other services: valid ADQL, though not for this service."""

from __future__ import annotations

from typing import Final

PREFIXES: Final = frozenset(
    {"GAVO", "ESO", "ESA", "ESAC", "CDS", "CADC", "IRSA", "WFAU", "AIP", "ARI", "SVO", "VIZIER"}
)
"""Institutes and projects whose functions carry their name (ADQL 2.1, section 4.3.1)."""

IVOA: Final = frozenset({
    "IVO_APPLY_PM", "IVO_EPOCH_PROP", "IVO_EPOCH_PROP_POS", "IVO_GEOM_TRANSFORM", "IVO_HEALPIX_CENTER",
    "IVO_HISTOGRAM", "IVO_INTERVAL_HAS", "IVO_NORMAL_RANDOM", "IVO_SIMBADPOINT", "IVO_SPECCONV",
    "IVO_TRANSFORM",
})  # fmt: skip
"""Functions of the IVOA's Catalogue of ADQL User Defined Functions that are not offered here."""


def is_foreign(name: str) -> bool:
    """Tell whether `name`, in upper case, is that of a function of another service."""
    prefix, separator, rest = name.partition("_")
    return name in IVOA or (prefix in PREFIXES and bool(separator) and bool(rest))
