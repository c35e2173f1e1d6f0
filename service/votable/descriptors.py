"""The hook by which other protocols attach service descriptors to results (DataLink 1.1, section 4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from astropy.io.votable.tree import Resource

from service.urls import Urls
from vo_emline.tables import Column

Descriptor = Callable[[Sequence[Column], Urls], Sequence[Resource]]
"""Gives the ``RESOURCE type="meta"`` elements that belong to a result with these columns.

Each FIELD of a result has its column's name as ID where that is unique and a
legal XML name (see :func:`service.votable.header.field_ids`), so that a
descriptor may refer to ``ref="obs_publisher_did"``. A descriptor gives an
empty sequence where the result lacks the column it needs. Columns that a
query renamed keep their UCD and utype.
"""
