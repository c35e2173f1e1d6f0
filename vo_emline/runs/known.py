"""What candidates are known as already: matching them with catalogues."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import astropy.units as u
import numpy as np
import pyarrow as pa
from astropy.coordinates import SkyCoord

from vo_emline.archives import (
    KnownObjects,
    archives,
    describe_known,
    match_known,
    read_known,
    simbad_known,
    vizier_known,
)
from vo_emline.errors import UserError
from vo_emline.labels import LABELS

SIMBAD: Final = "simbad"
"""Name by which SIMBAD is asked for."""


class KnownNames:
    """What candidates are known as; called with some of them at a time.

    Parameters
    ----------
    catalogues
        Files with a table of objects, names of catalogues configured in ``archives.toml``
        (``zhang2022``), or ``simbad``. They are read when the first candidate comes, and once.
    """

    def __init__(self, catalogues: Sequence[str]) -> None:
        self._catalogues = tuple(catalogues)
        self._read: dict[str, list[KnownObjects]] = {}

    def __call__(self, scores: pa.Table) -> pa.Array:
        """Say of each candidate what it is known as.

        Parameters
        ----------
        scores
            Rows with ``label``, ``designation``, ``ra`` and ``dec`` (ICRS, deg).

        Returns
        -------
        pyarrow.Array
            ``known as …, type … (catalogue)``, ``possibly known as …`` or ``new`` for candidates with a
            position; NULL for the others, and for all where no catalogue is given.

        Raises
        ------
        UserError
            A catalogue is neither a readable file nor configured.
        ArchiveError
            A remote catalogue cannot be reached.
        """
        said: list[str | None] = [None] * len(scores)
        ra, dec = (scores[name].to_numpy(zero_copy_only=False).astype(float) for name in ("ra", "dec"))
        positive = np.array(scores["label"].to_pylist(), dtype=object) != LABELS[0]
        rows = np.flatnonzero(positive & np.isfinite(ra) & np.isfinite(dec))
        if self._catalogues and rows.size:
            positions = SkyCoord(ra[rows] * u.deg, dec[rows] * u.deg)
            designations = [scores["designation"][int(row)].as_py() or "" for row in rows]
            objects = [known for name in self._catalogues for known in self._objects(name, positions)]
            matches = describe_known(match_known(designations, positions, objects))
            for row, text in zip(rows, matches, strict=True):
                said[row] = text
        return pa.array(said, pa.string())

    def _objects(self, name: str, positions: SkyCoord) -> list[KnownObjects]:
        """Give the objects of a catalogue; of SIMBAD, those around some positions."""
        if name == SIMBAD:
            return [simbad_known(positions)]
        if name not in self._read:
            path = Path(name)
            self._read[name] = [read_known(path)] if path.suffix else vizier_known(name)
        return self._read[name]


def catalogue_files(catalogues: Sequence[str]) -> list[Path]:
    """Give those of some catalogues that are files: their names have a suffix."""
    return [Path(name) for name in catalogues if Path(name).suffix]


def require_known(catalogues: Sequence[str]) -> None:
    """See, before long work, that files can be read and the other names are configured.

    Raises
    ------
    UserError
        One is neither.
    """
    for path in catalogue_files(catalogues):
        read_known(path)
    remote = {key for key, one in archives().catalogues.items() if one.vizier} | {SIMBAD}
    for name in catalogues:
        if not Path(name).suffix and name not in remote:
            raise UserError(
                f"no catalogue {name!r}: give a file (.csv, .vot, .fits, .parquet) or one of "
                f"{', '.join(sorted(remote))}"
            )
