"""Where, when and at which wavelengths a release has spectra (VODataService 1.2, section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from service.store import Release
from vo_emline.candidates.columns import HPX_ORDER, MOC_ORDER
from vo_emline.candidates.moc import merged, moc_ascii

_HC: Final = 6.62607015e-34 * 299_792_458.0
"""Planck's constant times the speed of light, J m."""

_LIGHT_TIME: Final = 510.0 / 86400
"""Light time from the Earth to the barycentre of the solar system at most, days (1.02 au)."""

_WAVEBANDS: Final = (("Infrared", 1e-6, 1e-4), ("Optical", 3e-7, 1e-6), ("UV", 1e-8, 3e-7))
"""Messengers and their wavelengths, m (IVOA vocabulary messenger)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The coverage of a release."""

    cells: Mapping[int, Sequence[int]]
    """MOC of the positions."""
    times: tuple[float, float] | None
    """First and last observation, MJD (UTC) at the telescope; None where no time is known."""
    wavelengths: tuple[float, float] | None
    """Shortest and longest wavelength, vacuum m."""
    surveys: tuple[str, ...]
    """Surveys and instruments, in the order of the alphabet."""
    place: tuple[float, float] | None
    """Position of one spectrum (ICRS, deg), for test queries."""

    @property
    def spatial(self) -> str:
        """The MOC as text."""
        return moc_ascii(self.cells)

    @property
    def barycentric(self) -> tuple[float, float] | None:
        """Limits of the times as the record wants them, MJD (TDB) at the barycentre of the solar system.

        The stars lie in all directions, so that the interval takes in the light time to either side.
        """
        if self.times is None:
            return None
        from astropy.time import Time

        low, high = Time(self.times, format="mjd", scale="utc").tdb.mjd
        return float(low) - _LIGHT_TIME, float(high) + _LIGHT_TIME

    @property
    def energies(self) -> tuple[float, float] | None:
        """Least and greatest energy of a photon, J, as the record wants it."""
        if self.wavelengths is None:
            return None
        shortest, longest = self.wavelengths
        return _HC / longest, _HC / shortest

    @property
    def wavebands(self) -> list[str]:
        """Names of the wavebands."""
        if self.wavelengths is None:
            return []
        shortest, longest = self.wavelengths
        return [name for name, low, high in _WAVEBANDS if shortest < high and longest > low]


def coverage_of(release: Release) -> Coverage:
    """Work out the coverage of a release: one pass over its index."""
    shift = 2 * (HPX_ORDER - MOC_ORDER)
    pixels = release.rows(
        f"SELECT DISTINCT hpx10 >> {shift} AS cell FROM {release.index} WHERE hpx10 IS NOT NULL"  # noqa: S608
    )
    found = release.rows(
        "SELECT min(start_mjd) AS first, max(start_mjd + coalesce(exposure_s, 0) / 86400) AS last, "  # noqa: S608
        f"min(wave_min) AS shortest, max(wave_max) AS longest FROM {release.index}"
    )[0]
    surveys = release.rows(f"SELECT DISTINCT collection FROM {release.index} WHERE collection <> ''")  # noqa: S608
    place = release.rows(
        f"SELECT ra, dec FROM {release.index} WHERE ra IS NOT NULL AND dec IS NOT NULL LIMIT 1"  # noqa: S608
    )
    return Coverage(
        cells=merged([row["cell"] for row in pixels]),
        times=_pair(found["first"], found["last"]),
        wavelengths=_pair(found["shortest"], found["longest"]),
        surveys=tuple(sorted(row["collection"] for row in surveys)),
        place=(place[0]["ra"], place[0]["dec"]) if place else None,
    )


def _pair(low: float | None, high: float | None) -> tuple[float, float] | None:
    return None if low is None or high is None else (low, high)
