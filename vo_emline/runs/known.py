"""What candidates are known as: catalogues that are files, at VizieR, or behind a TAP service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import astropy.units as u
import numpy as np
import pyarrow as pa
from astropy.coordinates import SkyCoord

from vo_emline.archives import (
    KnownMatch,
    KnownObjects,
    archives,
    bright_known,
    describe_known,
    hats_known,
    is_hats,
    match_each,
    read_known,
    surest,
    tap_known,
    vizier_known,
)
from vo_emline.candidates.known import MATCH_SCHEMA, Answers
from vo_emline.errors import UserError
from vo_emline.labels import LABELS


class KnownNames:
    """What candidates are known as; called with some of them at a time.

    Parameters
    ----------
    catalogues
        Files with a table of objects, HATS catalogues (folders, addresses), or names of catalogues configured
        in ``archives.toml`` (``zhang2022``, ``simbad``, ``gaia``). Files and tables of VizieR are read when
        the first candidate comes, and once; TAP services and HATS catalogues are asked around the positions
        of the candidates only.
    """

    def __init__(self, catalogues: Sequence[str]) -> None:
        self._catalogues = tuple(catalogues)
        self._read: dict[str, list[KnownObjects]] = {}

    def __call__(self, scores: pa.Table) -> Answers:
        """Say of each candidate what it is known as.

        Parameters
        ----------
        scores
            Rows with ``label``, ``designation``, ``ra`` and ``dec`` (ICRS, deg).

        Returns
        -------
        Answers
            ``known as …, type … (catalogue)``, ``possibly known as …`` or ``not in …`` with the catalogues
            given, for candidates with a position; NULL for the others, and for those that the bright stars
            which come with this package do not have where no catalogue is given. And every match.

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
        today = datetime.now(UTC).date().isoformat()
        if not rows.size:
            return Answers(said=pa.array(said, pa.string()), matches=MATCH_SCHEMA.empty_table())
        positions = SkyCoord(ra[rows] * u.deg, dec[rows] * u.deg)
        designations = [scores["designation"][int(row)].as_py() or "" for row in rows]
        objects = [known for name in self._catalogues for known in self._objects(name, positions)]
        matches = match_each(designations, positions, [*objects, bright_known()])
        asked = tuple(dict.fromkeys(known.catalogue for known in objects))
        for row, text in zip(rows, describe_known(map(surest, matches), asked=asked), strict=True):
            said[row] = text
        found = [
            _match_row(match, row=int(row), asked_on=today)
            for row, each in zip(rows, matches, strict=True)
            for match in each
        ]
        return Answers(
            said=pa.array(said, pa.string()),
            matches=pa.Table.from_pylist(found, MATCH_SCHEMA),
            asked=asked,
            asked_on=today,
        )

    def _objects(self, name: str, positions: SkyCoord) -> list[KnownObjects]:
        """Give the objects of a catalogue; of a TAP service, those around some positions."""
        if is_hats(name):
            return [hats_known(name, positions)]
        configured = archives().catalogues.get(name)
        if configured is not None and configured.tap is not None:
            return [tap_known(name, positions)]
        if name not in self._read:
            path = Path(name)
            self._read[name] = [_read_file(path)] if path.suffix else vizier_known(name)
        return self._read[name]


def _read_file(path: Path) -> KnownObjects:
    """Read a table; one called as a catalogue that is taken by hand is that catalogue."""
    configured = archives().catalogues.get(path.stem)
    if configured is None or configured.url is None:
        return read_known(path)
    return read_known(path, catalogue=configured.short_title, kind=configured.type)


def _match_row(match: KnownMatch, *, row: int, asked_on: str) -> dict[str, object]:
    """Give a match as a row of the table ``emline.known``."""
    photometry = match.photometry
    values = (
        {}
        if photometry is None
        else {
            "gaia_source_id": int(photometry.gaia_source_id[0]) or None,
            "phot_g_mean_mag": _or_none(photometry.g[0]),
            "bp_rp": _or_none(photometry.bp_rp[0]),
            "parallax": _or_none(photometry.parallax[0]),
        }
    )
    return values | {
        "row": row,
        "catalogue": match.catalogue,
        "identifier": match.name,
        "object_type": match.type,
        "match_kind": match.how,
        "ra": match.ra,
        "dec": match.dec,
        "catalogue_epoch": _or_none(match.epoch),
        "asked_on": asked_on,
    }


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def catalogue_files(catalogues: Sequence[str]) -> list[Path]:
    """Give those of some catalogues that are files: their names have a suffix."""
    return [Path(name) for name in catalogues if Path(name).suffix and not is_hats(name)]


def require_known(catalogues: Sequence[str]) -> None:
    """See, before long work, that files can be read and the other names are configured.

    Raises
    ------
    UserError
        One is neither.
    """
    for path in catalogue_files(catalogues):
        read_known(path)
    remote = {key for key, one in archives().catalogues.items() if one.vizier or one.tap}
    for name in catalogues:
        if not Path(name).suffix and name not in remote and not is_hats(name):
            if (configured := archives().catalogues.get(name)) is not None:
                raise UserError(
                    f"{name} ({configured.title}) cannot be asked: take its table from {configured.url} and "
                    f"give it as a file, {name}.csv"
                )
            raise UserError(
                f"no catalogue {name!r}: give a file (.csv, .vot, .fits, .parquet), a HATS catalogue or "
                "one of "
                f"{', '.join(sorted(remote))}"
            )
