"""Which spectra are of one star: joined by position, and by name where positions are uncertain or missing.

Positions of fibres and catalogues agree to :data:`FIBRE`; where a telescope pointed may be off by the
``position_error`` of the survey (``vo_emline/spectra/surveys``), and proper motion moves a star between
epochs. So two spectra are of one star where

* their positions are within :data:`FIBRE`;
* or they have the same name and lie within :data:`SAME_NAME`;
* or one has an uncertain position, and nothing else within its error is nearer;
* or one has no position, and its name belongs to one star only.

Stars are the connected components of these pairs. A star is *ambiguous* where an uncertain position has
several stars within its error, or has one at a separation at which more than :data:`CHANCE` others are
expected, as many as there are around.

Pairs are found in the database, by cells of the sky as wide as the farthest pair (Gray et al. 2006,
arXiv:cs/0701171, *the zones algorithm*), so that memory does not grow with the release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from vo_emline.candidates.database import DRAFT, literal
from vo_emline.spectra.surveys import all_surveys

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FIBRE: Final = 2.0
"""Separation up to which two fibre or catalogue positions are one star, arcsec: wider than the radius of a
fibre, 1.65; at LAMOST's 500 stars per square degree one in 2000 has a neighbour within it by chance."""
SAME_NAME: Final = 60.0
"""Separation up to which a name says that it is the same star, arcsec: 10 arcsec per year in six years."""
CHANCE: Final = 0.01
"""Unrelated stars expected within the separation of an uncertain position from which it is ambiguous."""
GRID: Final = 5
"""Decimal places of a degree by which positions are told apart (0.036 arcsec)."""

STARS: Final = f"{DRAFT}.stars"
"""Relation made by :func:`join_spectra`: ``place``, ``star`` (unsigned 64-bit) and ``ambiguous``."""

_PLACES: Final = f"{DRAFT}.places"


_NAME: Final = (
    "coalesce(nullif(upper(regexp_replace(designation, '[^A-Za-z0-9+.-]', '', 'g')), ''), "
    "CASE WHEN ra IS NULL OR dec IS NULL THEN candidate_id END)"
)
"""A name as it is compared; a spectrum with neither name nor position is its own."""


def place_sql() -> str:
    """Give SQL for the place of a spectrum: a digest of its position on a grid, its name and its error."""
    return f"hash(round(ra, {GRID}), round(dec, {GRID}), {_NAME}, {error_sql()})"


def error_sql() -> str:
    """Give SQL for the error of a position, arcsec."""
    uncertain = [survey for survey in all_surveys() if survey.position_error > FIBRE]
    cases = " ".join(f"WHEN {literal(one.name)} THEN {one.position_error}" for one in uncertain)
    return f"CASE collection {cases} ELSE {FIBRE} END"


def join_spectra(database: DuckDBPyConnection, relation: str) -> None:
    """Say of every place of `relation` which star it is, as :data:`STARS`.

    Parameters
    ----------
    database
        Where a draft may be made.
    relation
        With ``candidate_id``, ``collection``, ``designation``, ``ra`` and ``dec`` (ICRS, deg).
    """
    database.execute(
        f"CREATE TABLE {_PLACES} AS SELECT DISTINCT {place_sql()} AS place, "  # noqa: S608 - names of ours
        f"round(ra, {GRID}) AS ra, round(dec, {GRID}) AS dec, {_NAME} AS name, {error_sql()} AS error "
        f"FROM {relation}"
    )
    near = database.sql(_near_sql()).to_arrow_table()
    places, star, ambiguous = stars_of(Pairs(*(near[name].to_numpy() for name in Pairs._fields)))
    database.register("joined", pa.table({"place": places, "star": star, "ambiguous": ambiguous}))
    database.execute(
        f"CREATE TABLE {STARS} AS SELECT place, coalesce(star, place) AS star, "  # noqa: S608
        f"coalesce(ambiguous, false) AS ambiguous FROM {_PLACES} LEFT JOIN joined USING (place) "
        "WHERE ra IS NOT NULL AND dec IS NOT NULL"
    )
    database.unregister("joined")
    # what has no position goes to the star of its name, if there is one only
    database.execute(
        f"INSERT INTO {STARS} SELECT u.place, "  # noqa: S608
        "CASE count(DISTINCT s.star) WHEN 1 THEN min(s.star) ELSE hash(u.name) END, "
        "count(DISTINCT s.star) > 1 "
        f"FROM {_PLACES} u LEFT JOIN {_PLACES} p ON u.name = p.name LEFT JOIN {STARS} s ON p.place = s.place "
        "WHERE u.ra IS NULL OR u.dec IS NULL GROUP BY u.place, u.name"
    )


def separation_sql(first: str, second: str) -> str:
    """Give SQL for the separation of two positions, arcsec (haversine).

    Parameters
    ----------
    first, second
        Aliases of relations with ``ra`` and ``dec``, deg.
    """
    dec = f"sin(radians({second}.dec - {first}.dec) / 2) ** 2"
    ra = f"sin(radians({second}.ra - {first}.ra) / 2) ** 2"
    cosines = f"cos(radians({first}.dec)) * cos(radians({second}.dec))"
    return f"degrees(2 * asin(least(1, sqrt({dec} + {cosines} * {ra})))) * 3600"


def _near_sql() -> str:
    """Give SQL for the pairs of places that may be one star.

    The sky is cut into zones of declination three times as high as the farthest pair, and these into cells
    at least as wide. A place meets those of its own cell and of the nearer one beside it: the farthest pair
    is less than half a cell apart, the cells of the next zone towards a pole included. It meets those of the
    next zone if that is near enough. Beyond 0 and 360 degrees it is looked for once more, a turn away.
    """
    reach = max(SAME_NAME, *(survey.position_error for survey in all_surveys())) / 3600
    height = 3 * reach
    placed = (
        f"SELECT *, CAST(floor((dec + 90) / {height}) AS BIGINT) AS zone "  # noqa: S608 - numbers of ours
        f"FROM {_PLACES} WHERE ra IS NOT NULL AND dec IS NOT NULL"
    )
    # near a pole a cell is the whole circle
    edge = f"least(89.9, greatest(abs(zone * {height} - 90), abs((zone + 1) * {height} - 90)))"
    width = f"CASE WHEN {edge} < 89.9 THEN {height} / cos(radians({edge})) ELSE 400 END"
    cell = f"CAST(floor((ra + turn) / ({width})) AS BIGINT)"
    here = f"SELECT *, {cell} AS cell FROM (SELECT *, 0 AS turn FROM ({placed}))"  # noqa: S608
    above = f"CASE WHEN dec + 90 + {reach * 1.001} >= (zone + 1) * {height} THEN [0, 1] ELSE [0] END"
    steps = f"SELECT * REPLACE (zone + step AS zone) FROM (SELECT *, unnest({above}) AS step FROM ({placed}))"  # noqa: S608
    turns = f"CASE WHEN ra < {width} THEN [0, 360] WHEN ra > 360 - ({width}) THEN [-360, 0] ELSE [0] END"
    around = f"SELECT *, (ra + turn) / ({width}) AS x FROM (SELECT *, unnest({turns}) AS turn FROM ({steps}))"  # noqa: S608
    beside = "floor(x) + CASE WHEN x - floor(x) < 0.5 THEN -1 ELSE 1 END"
    around = f"SELECT *, unnest([floor(x), {beside}])::BIGINT AS cell FROM ({around})"  # noqa: S608
    field = (
        "CAST(floor(dec) AS BIGINT) AS field, CAST(floor(ra * cos(radians(floor(dec)))) AS BIGINT) AS part"
    )
    crowding = f"SELECT {field}, count(*) AS density FROM ({placed}) GROUP BY ALL"  # noqa: S608 - per deg²
    pairs = (
        f"SELECT a.place AS a, b.place AS b, {separation_sql('a', 'b')} AS separation, "  # noqa: S608
        "a.error AS error_a, b.error AS error_b, coalesce(a.name = b.name, false) AS named, a.ra, a.dec "
        f"FROM ({around}) a JOIN ({here}) b ON a.zone = b.zone AND a.cell = b.cell "
        f"WHERE abs(a.dec - b.dec) <= {reach * 1.001} AND a.place <> b.place "
        "AND (a.step = 1 OR a.place < b.place)"
    )
    return (
        "SELECT DISTINCT a, b, separation, error_a, error_b, named, "  # noqa: S608
        "density * pi() * (separation / 3600) ** 2 AS chance "
        f"FROM (SELECT *, {field} FROM ({pairs})) JOIN ({crowding}) USING (field, part) "
        f"WHERE separation <= greatest(error_a, error_b) OR (named AND separation <= {SAME_NAME})"
    )


class Pairs(NamedTuple):
    """Pairs of places that may be one star, shape (k,) each; in the order of the columns of the query."""

    a: npt.NDArray[np.uint64]
    """One place of each, a digest."""
    b: npt.NDArray[np.uint64]
    """The other."""
    separation: npt.NDArray[np.float64]
    """arcsec."""
    error_a: npt.NDArray[np.float64]
    """By how much the position of the one may be off, arcsec."""
    error_b: npt.NDArray[np.float64]
    named: npt.NDArray[np.bool_]
    """Whether both have the same name."""
    chance: npt.NDArray[np.float64]
    """Unrelated places expected within the separation."""


def stars_of(pairs: Pairs) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """Make stars of pairs of places.

    Parameters
    ----------
    pairs
        Those near enough to be one star.

    Returns
    -------
    places, star, ambiguous
        The places that are in pairs, which star each is (the lowest of its places), and whether an uncertain
        position among them had a choice; shape (n,).
    """
    a, b, separation, error_a, error_b, named, chance = pairs
    places, index = np.unique(np.concatenate([a, b]), return_inverse=True)
    first, second = index[: len(a)], index[len(a) :]
    uncertain = np.zeros(len(places), dtype=bool)
    uncertain[first], uncertain[second] = error_a > FIBRE, error_b > FIBRE
    sure = named | (separation <= FIBRE)
    group = _components(first[sure], second[sure], len(places))
    lost = np.ones(len(places), dtype=bool)  # of each group: whether no position of it is certain
    np.logical_and.at(lost, group, uncertain)
    nearest, choice = _nearest(
        group[first[~sure]], group[second[~sure]], separation[~sure], chance[~sure], lost
    )
    whole = _components(np.arange(len(places)), nearest, len(places))[group]
    ambiguous = np.zeros(len(places), dtype=bool)
    np.logical_or.at(ambiguous, whole, choice[group])
    lowest = np.full(len(places), np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(lowest, whole, places)
    return places, lowest[whole], ambiguous[whole]


def _nearest(
    a: npt.NDArray[np.int64],
    b: npt.NDArray[np.int64],
    separation: npt.NDArray[np.float64],
    chance: npt.NDArray[np.float64],
    lost: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Give of every group the one it belongs to (itself, but for lost ones) and whether another may be it."""
    ends, others = np.concatenate([a, b]), np.concatenate([b, a])
    order = np.argsort(np.concatenate([separation, separation]), kind="stable")
    order = order[(lost[ends] & (ends != others))[order]]
    ends, others = ends[order], others[order]
    nearest = np.arange(len(lost))
    found, at = np.unique(ends, return_index=True)
    nearest[found] = others[at]
    pairs = np.unique(np.stack([ends, others]), axis=1)
    choice = np.bincount(pairs[0], minlength=len(lost)) > 1
    choice[found] |= np.concatenate([chance, chance])[order][at] > CHANCE
    return nearest, choice


def _components(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    links = coo_array((np.ones(len(a), dtype=bool), (a, b)), shape=(n, n))
    return (
        connected_components(links, directed=False)[1].astype(np.int64) if n else np.zeros(0, dtype=np.int64)
    )
