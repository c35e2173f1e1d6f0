"""What all spectra of a star say together: the tables ``emline.objects`` and ``emline.epochs``.

Probabilities. The spectra of one star are not independent: what misleads the network in one of them (a
nebula, a peculiar photosphere) is in the next one, too. The combined probabilities are therefore those of
the mean of the logarithms, normalised: as many equal spectra say what one says, and no more.

Change. Whether a quantity is constant is judged by χ² = Σ (x − x̄)²/σ² over the spectra that have it, x̄
being the mean by inverse variance and σ the stated error and a systematic one (:data:`SYSTEMATIC`) in
quadrature. Its probability for n − 1 degrees of freedom is given as the number of standard deviations that
a normal variable exceeds with the same probability; 0 where chance would exceed χ² more often than not.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import chdtrc, gammaln, ndtri_exp

from vo_emline.candidates.columns import EPOCHS
from vo_emline.candidates.database import DRAFT, literal
from vo_emline.candidates.joining import STARS, error_sql, join_spectra, place_sql, separation_sql
from vo_emline.candidates.known import draft_known
from vo_emline.labels import LABELS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

logger = logging.getLogger(__name__)

SYSTEMATIC: Final[Mapping[str, float]] = {"ew": 0.3, "vr": 0.05, "rv": 10.0}
"""Errors that no spectrum states: of the continuum (1 % over the 32 Å of the line), of the shape of the line
at two resolutions, of the zero points of two instruments. Å, –, km/s."""

CHANGE: Final = 5.0
"""Significance from which a change is flagged."""

SAME_EPOCH: Final = 0.5
"""Spectra within so many days are of one epoch."""

OBJECTS_DRAFT: Final = f"{DRAFT}.objects"
EPOCHS_DRAFT: Final = f"{DRAFT}.epochs"
"""Relations made by :func:`draft_objects`, with the stored columns of the published tables."""

_MEASURED: Final = {
    "ew": ("ew", "ew_error"),
    "vr": ("vr_ratio", "vr_ratio_error"),
    "rv": ("radial_velocity", "radial_velocity_error"),
}
_CLASSES: Final = tuple(f"p_{label.replace('-', '_')}" for label in LABELS)
_KNOWN_AS: Final = (
    "coalesce(min(known_as) FILTER (starts_with(known_as, 'known')), "
    "min(known_as) FILTER (starts_with(known_as, 'possibly')), min(known_as))"
)
_MEMBERS: Final = f"{DRAFT}.members"
_IDS: Final = f"{DRAFT}.ids"
_TAKEN: Final = (
    "candidate_id", "path", "collection", "designation", "ra", "dec", "label", "score", *_CLASSES, "snr_r",
    "epoch_mjd", "spectral_subclass", "known_as", *(name for pair in _MEASURED.values() for name in pair),
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
    # a change between two epochs is looked for between neighbours in time
    neighbours = ", ".join(
        f"lag({name}) OVER w AS {name}_before" for name in ("label", "ew", "ew_error", "epoch_mjd")
    )
    database.execute(
        f"CREATE TABLE {_MEMBERS} AS SELECT *, {neighbours} FROM ("  # noqa: S608 - names of ours
        f"SELECT {', '.join(_TAKEN)}, star, ambiguous, position_error "
        f"FROM (SELECT *, {place_sql()} AS place, {error_sql()} AS position_error FROM {relation}) "
        f"JOIN {STARS} USING (place)) WINDOW w AS (PARTITION BY star ORDER BY epoch_mjd, candidate_id)"
    )
    _identify(database, previous)
    database.create_function("sigmas", _sigmas, [DOUBLE, BIGINT], DOUBLE, type=ARROW)
    database.execute(f"CREATE TABLE {OBJECTS_DRAFT} AS {_objects_sql()}")
    database.execute(
        "CREATE TABLE " + EPOCHS_DRAFT + " AS SELECT object_id, candidate_id, m.epoch_mjd, "  # noqa: S608
        f"collection AS survey, {separation_sql('m', 'o')} AS separation "
        f"FROM {_MEMBERS} m JOIN {_IDS} USING (star) JOIN {OBJECTS_DRAFT} o USING (object_id)"
    )
    found = f"(SELECT path, object_id FROM {_MEMBERS} JOIN {_IDS} USING (star))"  # noqa: S608
    draft_known(database, found, OBJECTS_DRAFT)


def _identify(database: DuckDBPyConnection, previous: Path | None) -> None:
    """Give every star an identifier: that of the release before, or one made of its first spectrum.

    Where the spectra of a star were of several, or those of one are of several now, each identifier stays
    with the star that has most of its spectra.
    """
    votes = "SELECT NULL::UBIGINT AS star, NULL::VARCHAR AS object_id, 0 AS votes WHERE false"
    attached = previous is not None and _attach(database, previous)
    if attached:
        votes = (
            f"SELECT star, object_id, count(*) AS votes FROM {_MEMBERS} "  # noqa: S608
            f"JOIN previous.{EPOCHS.qualified_name} USING (candidate_id) GROUP BY ALL"
        )
    kept = f"SELECT * FROM ({votes}) QUALIFY row_number() OVER (PARTITION BY object_id ORDER BY votes DESC, star) = 1"  # noqa: S608, E501
    kept = f"SELECT star, arg_max(object_id, votes) AS object_id FROM ({kept}) GROUP BY star"  # noqa: S608
    first = "arg_min(candidate_id, {epoch: coalesce(epoch_mjd, 'inf'::DOUBLE), id: candidate_id})"
    database.execute(
        f"CREATE TABLE {_IDS} AS WITH kept AS ({kept}), "  # noqa: S608
        f"made AS (SELECT star, {first} AS first FROM {_MEMBERS} GROUP BY star), "
        "named AS (SELECT star, first, 'EMO-' || left(sha256(first), 16) AS made FROM made) "
        # the identifier that a star would be given may have gone to another one that it was part of
        "SELECT star, coalesce(object_id, CASE WHEN made IN (SELECT object_id FROM kept) "
        "THEN 'EMO-' || left(sha256(first || '+'), 16) ELSE made END) AS object_id "
        "FROM named LEFT JOIN kept USING (star)"
    )
    if attached:
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


def _objects_sql() -> str:
    """Give SQL for the rows of ``emline.objects``, pixels left out, over the members of each star."""
    weight = "1 / position_error ** 2"
    x, y, z = (
        f"sum({part} * {weight})"
        for part in (
            "cos(radians(dec)) * cos(radians(ra))",
            "cos(radians(dec)) * sin(radians(ra))",
            "sin(radians(dec))",
        )
    )
    epochs = f"count(epoch_mjd) FILTER (epoch_mjd - coalesce(epoch_mjd_before, -1e9) > {SAME_EPOCH})"
    best = "arg_max({}, {{s: coalesce(snr_r, -1), id: candidate_id}})"
    logs = ", ".join(f"exp(avg(ln(greatest({name}, 1e-9)))) AS {name}" for name in _CLASSES)
    grouped = (
        f"SELECT star, {x} AS x, {y} AS y, {z} AS z, bool_or(ambiguous) AS ambiguous, "  # noqa: S608
        "string_agg(DISTINCT nullif(designation, ''), '; ' ORDER BY nullif(designation, '')) "
        "AS designations, "
        f"count(*) AS n_spectra, {epochs} AS n_epochs, "
        "string_agg(DISTINCT nullif(collection, ''), '; ' ORDER BY nullif(collection, '')) AS surveys, "
        "min(epoch_mjd) AS first_epoch_mjd, max(epoch_mjd) AS last_epoch_mjd, "
        f"{best.format('candidate_id')} AS best_candidate_id, {best.format('label')} AS best_label, "
        f"{best.format('spectral_subclass')} AS spectral_subclass, {logs}, "
        f"{_KNOWN_AS} AS known_as, max(score) AS score_max, min(score) AS score_min, "
        f"count(*) FILTER (label <> {literal(LABELS[0])}) AS n_positive, "
        f"{', '.join(_moments(name) for name in _MEASURED)}, "
        f"coalesce(bool_or({_changed(rising=True)}), false) AS appeared, "
        f"coalesce(bool_or({_changed(rising=False)}), false) AS disappeared "
        f"FROM {_MEMBERS} GROUP BY star"
    )
    likeliest = " ".join(
        f"WHEN {name} >= greatest({', '.join(_CLASSES)}) THEN {literal(label)}"
        for name, label in zip(_CLASSES[1:], LABELS[1:], strict=True)
    )
    changes = ", ".join(
        f"CASE WHEN {name}_n > 1 THEN sigmas({name}_chi2, {name}_n - 1) END AS {name}_change"
        for name in _MEASURED
    )
    variable = " OR ".join(f"coalesce({name}_change, 0) > {CHANGE}" for name in _MEASURED)
    conditions = {"variable": variable} | {name: name for name in ("appeared", "disappeared", "ambiguous")}
    flags = ", ".join(f"CASE WHEN {said} THEN {literal(flag)} END" for flag, said in conditions.items())
    return (
        f"SELECT *, concat_ws(' ', {flags}) AS flags FROM (SELECT *, "  # noqa: S608
        "(degrees(atan2(y, x)) + 360) % 360 AS ra, degrees(atan2(z, sqrt(x * x + y * y))) AS dec, "
        f"({' + '.join(_CLASSES[1:])}) / ({' + '.join(_CLASSES)}) AS score, "
        f"CASE {likeliest} ELSE {literal(LABELS[0])} END AS label, {changes} "
        f"FROM ({grouped}) JOIN {_IDS} USING (star))"
    )


def _moments(name: str) -> str:
    """Give SQL for mean, error, scatter and χ² of a quantity over the spectra that have it with an error."""
    value, error = _MEASURED[name]
    weight = f"1 / ({error} ** 2 + {SYSTEMATIC[name] ** 2})"
    having = f"FILTER (isfinite({value}) AND isfinite({error}))"
    total, first, second = (f"sum({weight} * {power}) {having}" for power in ("1", value, f"{value} ** 2"))
    return (
        f"count(*) {having} AS {name}_n, {first} / {total} AS {name}_mean, "
        f"1 / sqrt({total}) AS {name}_error, "
        f"stddev_samp({value}) {having} AS {name}_scatter, "
        f"greatest({second} - ({first}) ** 2 / {total}, 0) AS {name}_chi2"
    )


def _changed(*, rising: bool) -> str:
    """Give SQL that says whether emission came (or went) between a spectrum and the one before it."""
    earlier, later = ("=", "<>") if rising else ("<>", "=")
    change = "ew_before - ew" if rising else "ew - ew_before"
    error = f"sqrt(ew_error ** 2 + ew_error_before ** 2 + {2 * SYSTEMATIC['ew'] ** 2})"
    absorption = literal(LABELS[0])
    labels = f"label_before {earlier} {absorption} AND label {later} {absorption}"
    return f"{labels} AND {change} > {CHANGE} * {error}"


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
