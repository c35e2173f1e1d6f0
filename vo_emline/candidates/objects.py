"""What all spectra of a star say together: the tables ``emline.objects`` and ``emline.epochs``.

Probabilities. The spectra of one star are not independent: what misleads the network in one of them (a
nebula, a peculiar photosphere) is in the next one, too. The combined probabilities are therefore those of
the mean of the logarithms, normalised: as many equal spectra say what one says, and no more.

Change. Whether a quantity is constant is judged by χ² = Σ (x − x̄)²/σ² over the spectra that have it, x̄
being the mean by inverse variance and σ the stated error and a systematic one
(:data:`~vo_emline.candidates.combining.SYSTEMATIC`) in quadrature. Its probability for n − 1 degrees of
freedom is given as the number of standard deviations that a normal variable exceeds with the same
probability; 0 where chance would exceed χ² more often than not.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import chdtrc, gammaln, ndtri_exp

from vo_emline.candidates.columns import EPOCHS
from vo_emline.candidates.combining import CHANGE, MEASURED, Several, Single, moments
from vo_emline.candidates.database import DRAFT, literal
from vo_emline.candidates.joining import STARS, error_sql, join_spectra, place_sql, separation_sql
from vo_emline.candidates.known import draft_known
from vo_emline.labels import LABELS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

logger = logging.getLogger(__name__)

OBJECTS_DRAFT: Final = f"{DRAFT}.objects"
EPOCHS_DRAFT: Final = f"{DRAFT}.epochs"
"""Relations made by :func:`draft_objects`, with the stored columns of the published tables."""

_CLASSES: Final = tuple(f"p_{label.replace('-', '_')}" for label in LABELS)
_MEMBERS: Final = f"{DRAFT}.members"
"""Every spectrum and the star it is of."""
_REPEATED: Final = f"{DRAFT}.repeated"
"""Those of stars that have more than one."""
_PART: Final = 1_000_000
"""About so many spectra are put together at a time: what is kept of each star does not go to the disk."""
_IDS: Final = f"{DRAFT}.ids"
_SUMMED: Final = f"{DRAFT}.summed"
_TAKEN: Final = (
    "candidate_id", "path", "collection", "designation", "ra", "dec", "label", "score", *_CLASSES, "snr_r",
    "epoch_mjd", "spectral_subclass", "known_as", *(name for pair in MEASURED.values() for name in pair),
)  # fmt: skip


def draft_objects(database: DuckDBPyConnection, relation: str, *, previous: Path | None = None) -> None:
    """Make the rows of ``emline.objects`` and ``emline.epochs``.

    Parameters
    ----------
    database
        The release that is being built, with a draft of what catalogues say.
    relation
        Classified spectra: the stored columns of ``emline.scores``, ``collection`` and ``path``.
    previous
        The release before this one: its stars keep their identifiers. None, or no file, where there is none.
    """
    from duckdb.func import ARROW
    from duckdb.sqltypes import BIGINT, DOUBLE

    join_spectra(database, relation)
    database.execute(
        f"CREATE TABLE {_MEMBERS} AS SELECT {', '.join(_TAKEN)}, star, ambiguous, position_error "  # noqa: S608
        f"FROM (SELECT *, {place_sql()} AS place, {error_sql()} AS position_error FROM {relation}) "
        f"JOIN {STARS} USING (place)"
    )
    parts = _part_repeated(database)
    _identify(database, previous)
    database.create_function("sigmas", _sigmas, [DOUBLE, BIGINT], DOUBLE, type=ARROW)
    alone = f"(FROM {_MEMBERS} ANTI JOIN (SELECT DISTINCT star FROM {_REPEATED}) USING (star))"  # noqa: S608
    database.execute(f"CREATE TABLE {_SUMMED} AS {_objects_sql(alone, alone=True)}")
    for part in range(parts):
        some = f"(FROM {_REPEATED} WHERE part = {part})"
        database.execute(f"INSERT INTO {_SUMMED} BY NAME {_objects_sql(some, alone=False)}")
    database.execute(f"CREATE VIEW {OBJECTS_DRAFT} AS FROM {_SUMMED} JOIN {_IDS} USING (star)")
    database.execute(
        "CREATE VIEW " + EPOCHS_DRAFT + " AS SELECT object_id, candidate_id, m.epoch_mjd, "  # noqa: S608
        f"collection AS survey, {separation_sql('m', 'o')} AS separation "
        f"FROM {_MEMBERS} m JOIN {OBJECTS_DRAFT} o USING (star)"
    )
    found = f"(SELECT path, object_id FROM {_MEMBERS} JOIN {_IDS} USING (star))"  # noqa: S608
    draft_known(database, found, OBJECTS_DRAFT)


def _part_repeated(database: DuckDBPyConnection) -> int:
    """Put the spectra of stars that have several into parts; give their number.

    Most stars have one spectrum, of which there is nothing to put together.
    """
    several = f"SELECT star, count(*) AS n FROM {_MEMBERS} GROUP BY star HAVING n > 1"  # noqa: S608
    spectra = database.sql(f"SELECT coalesce(sum(n), 0) FROM ({several})").fetchall()[0][0]  # noqa: S608
    parts = 1 + int(spectra) // _PART
    database.execute(
        f"CREATE TABLE {_REPEATED} AS SELECT *, CAST(star % {parts} AS INTEGER) AS part "  # noqa: S608
        f"FROM {_MEMBERS} WHERE star IN (SELECT star FROM ({several})) {'ORDER BY part' * (parts > 1)}"
    )
    return parts


def _identify(database: DuckDBPyConnection, previous: Path | None) -> None:
    """Give every star an identifier: that of the release before, or one made of its first spectrum.

    Where the spectra of a star were of several, or those of one are of several now, each identifier stays
    with the star that has most of its spectra.
    """
    first = "arg_min(candidate_id, {epoch: coalesce(epoch_mjd, 'inf'::DOUBLE), id: candidate_id})"
    made = (
        f"SELECT star, candidate_id AS first FROM {_MEMBERS} ANTI JOIN {_REPEATED} USING (star) "  # noqa: S608
        f"UNION ALL SELECT star, {first} FROM {_REPEATED} GROUP BY star"
    )
    made = f"SELECT star, first, 'EMO-' || left(sha256(first), 16) AS object_id FROM ({made})"  # noqa: S608
    if previous is None or not _attach(database, previous):
        database.execute(f"CREATE TABLE {_IDS} AS SELECT star, object_id FROM ({made})")  # noqa: S608
        return
    votes = (
        f"SELECT star, object_id, count(*) AS votes FROM {_MEMBERS} "  # noqa: S608
        f"JOIN previous.{EPOCHS.qualified_name} USING (candidate_id) GROUP BY ALL"
    )
    kept = f"SELECT * FROM ({votes}) QUALIFY row_number() OVER (PARTITION BY object_id ORDER BY votes DESC, star) = 1"  # noqa: S608, E501
    kept = f"SELECT star, arg_max(object_id, votes) AS object_id FROM ({kept}) GROUP BY star"  # noqa: S608
    database.execute(
        f"CREATE TABLE {_IDS} AS WITH kept AS ({kept}), made AS ({made}) "  # noqa: S608
        # the identifier that a star would be given may have gone to another one that it was part of
        "SELECT star, coalesce(k.object_id, CASE WHEN m.object_id IN (SELECT object_id FROM kept) "
        "THEN 'EMO-' || left(sha256(first || '+'), 16) ELSE m.object_id END) AS object_id "
        "FROM made m LEFT JOIN kept k USING (star)"
    )
    database.execute("DETACH previous")


def _attach(database: DuckDBPyConnection, previous: Path) -> bool:
    """Open the release before, if it is one that knows stars."""
    import duckdb

    if not previous.is_file():
        return False
    try:
        database.execute(f"ATTACH {literal(str(previous))} AS previous (READ_ONLY)")
        database.execute(f"SELECT candidate_id, object_id FROM previous.{EPOCHS.qualified_name} LIMIT 0")  # noqa: S608
    except duckdb.Error as error:
        logger.warning("%s names no stars whose identifiers could be kept: %s", previous, error)
        database.execute("DETACH DATABASE IF EXISTS previous")
        return False
    return True


def _objects_sql(members: str, *, alone: bool) -> str:
    """Give SQL for the rows of ``emline.objects``, pixels left out, over the members of each star.

    Parameters
    ----------
    members
        Relation of spectra, with the ``star`` of each.
    alone
        Whether each is the only one of its star.
    """
    put = Single() if alone else Several()
    weight = "1 / position_error ** 2"
    x, y, z = (
        put.total(f"{part} * {weight}")
        for part in (
            "cos(radians(dec)) * cos(radians(ra))",
            "cos(radians(dec)) * sin(radians(ra))",
            "sin(radians(dec))",
        )
    )
    logs = ", ".join(f"exp({put.mean(f'ln(greatest({name}, 1e-9))')}) AS {name}" for name in _CLASSES)
    grouped = (
        f"SELECT star, {x} AS x, {y} AS y, {z} AS z, {put.ever('ambiguous')} AS ambiguous, "  # noqa: S608
        f"{put.names('designation')} AS designations, "
        f"{put.count()} AS n_spectra, {put.epochs()} AS n_epochs, "
        f"{put.names('collection')} AS surveys, "
        f"{put.least('epoch_mjd')} AS first_epoch_mjd, {put.greatest('epoch_mjd')} AS last_epoch_mjd, "
        f"{put.best('candidate_id')} AS best_candidate_id, {put.best('label')} AS best_label, "
        f"{put.best('spectral_subclass')} AS spectral_subclass, {logs}, {put.known_as()} AS known_as, "
        f"{put.greatest('score')} AS score_max, {put.least('score')} AS score_min, "
        f"{put.count(f'label <> {literal(LABELS[0])}')} AS n_positive, "
        f"{', '.join(moments(put, name) for name in MEASURED)}, "
        f"{put.changed(rising=True)} AS appeared, {put.changed(rising=False)} AS disappeared "
        f"FROM {put.relation(members)}"
    )
    likeliest = " ".join(
        f"WHEN {name} >= greatest({', '.join(_CLASSES)}) THEN {literal(label)}"
        for name, label in zip(_CLASSES[1:], LABELS[1:], strict=True)
    )
    changes = ", ".join(
        f"CASE WHEN {name}_n > 1 THEN sigmas({name}_chi2, {name}_n - 1) END AS {name}_change"
        for name in MEASURED
    )
    variable = " OR ".join(f"coalesce({name}_change, 0) > {CHANGE}" for name in MEASURED)
    conditions = {"variable": variable} | {name: name for name in ("appeared", "disappeared", "ambiguous")}
    flags = ", ".join(f"CASE WHEN {said} THEN {literal(flag)} END" for flag, said in conditions.items())
    return (
        f"SELECT *, concat_ws(' ', {flags}) AS flags FROM (SELECT *, "  # noqa: S608
        "(degrees(atan2(y, x)) + 360) % 360 AS ra, degrees(atan2(z, sqrt(x * x + y * y))) AS dec, "
        f"({' + '.join(_CLASSES[1:])}) / ({' + '.join(_CLASSES)}) AS score, "
        f"CASE {likeliest} ELSE {literal(LABELS[0])} END AS label, {changes} "
        f"FROM ({grouped}))"
    )


def _sigmas(chi2: pa.ChunkedArray, freedom: pa.ChunkedArray) -> pa.Array:
    values = [each.to_numpy(zero_copy_only=False).astype(float) for each in (chi2, freedom)]
    return pa.array(significance(*values))


def significance(chi2: npt.NDArray[np.float64], freedom: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give the number of standard deviations that is exceeded by chance as seldom as χ² is.

    Parameters
    ----------
    chi2
        Sum of squared normalised deviations, shape (n,).
    freedom
        Degrees of freedom, at least 1, shape (n,).

    Returns
    -------
    numpy.ndarray
        Of a normal variable, either sign counted; 0 and more, shape (n,).
    """
    with np.errstate(divide="ignore"):
        log_chance = np.log(chdtrc(freedom, chi2))
    # beyond the smallest double: the leading term of the tail (Abramowitz & Stegun 1964, 26.4.12 and 6.5.32)
    half = freedom / 2
    far = np.maximum(chi2, 1.0) / 2
    tail = (half - 1) * np.log(far) - far - gammaln(half)
    log_chance = np.where(log_chance > -600, log_chance, tail)
    sigmas: npt.NDArray[np.float64] = np.maximum(-ndtri_exp(log_chance - np.log(2)), 0.0)
    return sigmas
