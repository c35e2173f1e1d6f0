"""SQL for what the spectra of a star say together: sums, means, the best of them, and changes in time.

Most stars of a survey have one spectrum. What that one says needs no grouping, which is most of the work
and all of the memory: :class:`Single` writes the same quantities for it as :class:`Several` does for many.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vo_emline.candidates.database import literal
from vo_emline.labels import LABELS

SYSTEMATIC: Final[Mapping[str, float]] = {"ew": 0.3, "vr": 0.05, "rv": 10.0}
"""Errors that no spectrum states: of the continuum (1 % over the 32 Å of the line), of the shape of the line
at two resolutions, of the zero points of two instruments. Å, –, km/s."""

CHANGE: Final = 5.0
"""Significance from which a change is flagged."""

SAME_EPOCH: Final = 0.5
"""Spectra within so many days are of one epoch."""

MEASURED: Final[Mapping[str, tuple[str, str]]] = {
    "ew": ("ew", "ew_error"),
    "vr": ("vr_ratio", "vr_ratio_error"),
    "rv": ("radial_velocity", "radial_velocity_error"),
}
"""Columns of each quantity and of its error."""

_BEFORE: Final = ("label", "ew", "ew_error", "epoch_mjd")
"""What a spectrum is compared in with the one before it."""


class Several:
    """Quantities over the spectra of each star that has several."""

    def relation(self, members: str) -> str:
        """Give the ``FROM`` and ``GROUP BY`` of a query over `members`, spectra with their ``star``."""
        # a change between two epochs is looked for between neighbours in time
        neighbours = ", ".join(f"lag({name}) OVER w AS {name}_before" for name in _BEFORE)
        window = "WINDOW w AS (PARTITION BY star ORDER BY epoch_mjd, candidate_id)"
        return f"(SELECT *, {neighbours} FROM {members} {window}) GROUP BY star"  # noqa: S608 - our names

    def total(self, value: str, having: str = "true") -> str:
        """Sum `value` over the spectra for which `having` is true."""
        return f"sum({value}) FILTER ({having})"

    def mean(self, value: str) -> str:
        """Give the mean."""
        return f"avg({value})"

    def scatter(self, value: str, having: str) -> str:
        """Give the standard deviation of single values."""
        return f"stddev_samp({value}) FILTER ({having})"

    def count(self, having: str = "true") -> str:
        """Count the spectra for which `having` is true."""
        return f"count(*) FILTER ({having})"

    def least(self, value: str) -> str:
        """Give the least."""
        return f"min({value})"

    def greatest(self, value: str) -> str:
        """Give the greatest."""
        return f"max({value})"

    def ever(self, condition: str) -> str:
        """Say whether `condition` is true of any."""
        return f"bool_or({condition})"

    def names(self, column: str) -> str:
        """List different names."""
        return f"string_agg(DISTINCT nullif({column}, ''), '; ' ORDER BY nullif({column}, ''))"

    def best(self, column: str) -> str:
        """Give a column of the spectrum with the highest signal-to-noise ratio."""
        return f"arg_max({column}, {{s: coalesce(snr_r, -1), id: candidate_id}})"

    def known_as(self) -> str:
        """Give what the surest catalogue says."""
        return (
            "coalesce(min(known_as) FILTER (starts_with(known_as, 'known')), "
            "min(known_as) FILTER (starts_with(known_as, 'possibly')), min(known_as))"
        )

    def epochs(self) -> str:
        """Count the times it was observed."""
        return f"count(epoch_mjd) FILTER (epoch_mjd - coalesce(epoch_mjd_before, -1e9) > {SAME_EPOCH})"

    def changed(self, *, rising: bool) -> str:
        """Say whether emission came (or went) between a spectrum and the one before it."""
        earlier, later = ("=", "<>") if rising else ("<>", "=")
        change = "ew_before - ew" if rising else "ew - ew_before"
        error = f"sqrt(ew_error ** 2 + ew_error_before ** 2 + {2 * SYSTEMATIC['ew'] ** 2})"
        absorption = literal(LABELS[0])
        labels = f"label_before {earlier} {absorption} AND label {later} {absorption}"
        return f"coalesce(bool_or({labels} AND {change} > {CHANGE} * {error}), false)"


class Single(Several):
    """The same of spectra that are the only ones of their star."""

    def relation(self, members: str) -> str:
        """Give the ``FROM`` of a query over `members`."""
        return members

    def total(self, value: str, having: str = "true") -> str:
        """Give the one value, NULL where `having` is not true."""
        return value if having == "true" else f"CASE WHEN {having} THEN {value} END"

    def mean(self, value: str) -> str:
        """Give the one value."""
        return value

    def scatter(self, value: str, having: str) -> str:
        """Give NULL."""
        return "CAST(NULL AS DOUBLE)"

    def count(self, having: str = "true") -> str:
        """Give 1 or 0."""
        return f"CAST(coalesce({having}, false) AS BIGINT)"

    def least(self, value: str) -> str:
        """Give the one value."""
        return value

    def greatest(self, value: str) -> str:
        """Give the one value."""
        return value

    def ever(self, condition: str) -> str:
        """Say whether `condition` is true."""
        return f"({condition})"

    def names(self, column: str) -> str:
        """Give the one name."""
        return f"nullif({column}, '')"

    def best(self, column: str) -> str:
        """Give a column of the spectrum."""
        return column

    def known_as(self) -> str:
        """Give what is said of the spectrum."""
        return "known_as"

    def epochs(self) -> str:
        """Give 1, or 0 where it is not known when it was observed."""
        return "CAST(epoch_mjd IS NOT NULL AS BIGINT)"

    def changed(self, *, rising: bool) -> str:
        """Say no."""
        return "false"


def moments(spectra: Several, name: str) -> str:
    """Give SQL for mean, error, scatter and χ² of a quantity over the spectra that have it with an error.

    Parameters
    ----------
    spectra
        How many there are of a star.
    name
        Of :data:`MEASURED`.
    """
    value, error = MEASURED[name]
    weight = f"1 / ({error} ** 2 + {SYSTEMATIC[name] ** 2})"
    having = f"isfinite({value}) AND isfinite({error})"
    total, first, second = (
        spectra.total(f"{weight} * {power}", having) for power in ("1", value, f"{value} ** 2")
    )
    return (
        f"{spectra.count(having)} AS {name}_n, {first} / {total} AS {name}_mean, "
        f"1 / sqrt({total}) AS {name}_error, {spectra.scatter(value, having)} AS {name}_scatter, "
        f"greatest({second} - ({first}) ** 2 / {total}, 0) AS {name}_chi2"
    )
