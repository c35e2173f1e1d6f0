"""Repairs to the columns of a VOTable that astropy has read, of any serialisation.

They make the properties of :class:`pyvo.dal.SSARecord` work, which reads the position from
``ssa:Target.Pos`` and the date from ``ssa:DataID.Date`` (SSA 1.1, section 4.2.5) and expects both
in one form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from astropy.io.votable.tree import Field, TableElement, VOTableFile

from vo_emline.archives.repairs import plain_utype

_TARGET = "target.pos"
_TARGETS = frozenset((_TARGET, "target.pos.spoint"))
_LOCATIONS = ("char.spatialaxis.coverage.location.value", "astrocoords.position2d.value2")
_CREATED = "dataid.date"


def fill_target_positions(votable: VOTableFile) -> Iterator[str]:
    """Put the location of the aperture where a target position is empty or not there."""
    for table in votable.iter_tables():
        location = _positions(table)
        if location is None:
            continue
        targets = [field for field in table.fields if plain_utype(field.utype) in _TARGETS]
        for field in targets:
            empty = _empty_pairs(table.array[field.ID])
            if empty.any():
                table.array[field.ID][empty] = location[empty]
                yield f"empty {field.name} filled from the observed position"
        if not any(plain_utype(field.utype) == _TARGET for field in targets):
            _append_targets(votable, table, location)
            yield "no target position: the observed position stands for it"


def separate_dates(votable: VOTableFile) -> Iterator[str]:
    """Write the ``T`` of creation dates as a space, the only form that pyvo reads."""
    for table in votable.iter_tables():
        for field in table.fields:
            if plain_utype(field.utype) != _CREATED or field.datatype not in {"char", "unicodeChar"}:
                continue
            column = table.array[field.ID]
            with_t = [i for i, value in enumerate(column.data) if "T" in _text(value)]
            for index in with_t:
                column.data[index] = _text(column.data[index]).replace("T", " ").removesuffix("Z")
            if with_t:
                yield f"{field.name} written with a space instead of a T"


REPAIRS: Final[tuple[Callable[[VOTableFile], Iterator[str]], ...]] = (fill_target_positions, separate_dates)
"""All repairs of columns."""


def _positions(table: TableElement) -> Any | None:
    """Give the observed positions (N × 2, deg) of a table that has such a column and rows."""
    for utype in _LOCATIONS:
        for field in table.fields:
            pair = field.datatype == "double" and field.arraysize == "2"
            if pair and plain_utype(field.utype) == utype and len(table.array):
                return np.ma.filled(table.array[field.ID], np.nan)
    return None


def _empty_pairs(column: Any) -> Any:
    values = np.ma.filled(column.astype(float), np.nan)
    return ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)


def _append_targets(votable: VOTableFile, table: TableElement, location: Any) -> None:
    field = Field(
        votable, ID="target_pos", name="target_pos", datatype="double", arraysize="2", unit="deg",
        ucd="pos.eq;src", utype="ssa:Target.Pos",
    )  # fmt: skip
    old = table.array
    dtype = [(name, *old.dtype.fields[name][:1]) for name in old.dtype.names]
    new = np.ma.zeros(len(old), dtype=[*dtype, ("target_pos", "f8", (2,))])
    for name in old.dtype.names:
        new[name] = old[name]
    new["target_pos"] = location
    table.array = new
    table.fields.append(field)


def _text(value: Any) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
