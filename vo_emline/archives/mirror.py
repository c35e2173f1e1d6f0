"""A mirror of survey files on disk: which observations its files hold.

LAMOST mirrors come in many layouts (``<date>/<plan>/``, ``/lamost/<plan>/``, everything in one folder),
so that nothing is taken from folders; observations are joined across releases by ``OBSID`` or, where
a release has none (DR1, DR2), by (LMJD, PLANID, SPID, FIBERID).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(r"^(?:spec|med)-(\d{5})-(.+)_sp(\d{2})-(\d{3})(?:\.|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FibreKey:
    """One fibre of one exposure plan of one night: an observation, whatever the release."""

    lmjd: int
    """Local modified Julian day."""
    planid: str
    spid: int
    """Spectrograph, 1–16."""
    fiberid: int
    """Fibre, 1–250."""

    @classmethod
    def from_name(cls, name: str | Path) -> FibreKey | None:
        """Read the key from a file name (``spec-55903-B90306_sp06-163.fits``), or give None."""
        found = _NAME.match(Path(name).name)
        if found is None:
            return None
        lmjd, planid, spid, fiberid = found.groups()
        return cls(int(lmjd), planid, int(spid), int(fiberid))


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What identifies an observation, as far as a release tells."""

    obsid: int | None = None
    fibre: FibreKey | None = None


def join_observations(left: Sequence[Observation], right: Sequence[Observation]) -> list[tuple[int, int]]:
    """Pair observations of two releases.

    Returns
    -------
    list of (int, int)
        Indices into `left` and `right`; by ``OBSID`` where both have one, else
        by fibre.
    """
    by_obsid = {item.obsid: index for index, item in enumerate(right) if item.obsid is not None}
    by_fibre = {item.fibre: index for index, item in enumerate(right) if item.fibre is not None}
    pairs = []
    for index, item in enumerate(left):
        match = by_obsid.get(item.obsid) if item.obsid is not None else None
        if match is None and item.fibre is not None:
            match = by_fibre.get(item.fibre)
        if match is not None:
            pairs.append((index, match))
    return pairs
