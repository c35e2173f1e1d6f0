"""Wavelengths in air and in vacuum: how to tell, and how to convert.

What states the medium, first to last:

1. the user (``read(…, medium=…)``, ``--medium``);
2. the column or axis itself: its UCD (``em.wl;obs.atmos`` is air; plain ``em.wl`` is vacuum in a
   spectrum of the IVOA model), its name (``wave_air``), its comment or description, ``CTYPE1`` (``AWAV``,
   ``WAVE`` with or without an algorithm; *Wavelength* is neither);
3. cards that say it, of the extension, then of the primary header: ``VACUUM``, ``AIRORVAC`` and others;
4. words in comments and in the history of the header: *wavelengths in vacuum*;
5. the survey, where the file is recognised as one of its;
6. the sampling of LAMOST and SDSS (1e-4 in log10), which is in vacuum.

Where nothing does, air is assumed, in which ground-based optical spectra are reduced, and the spectrum
is flagged ``medium_assumed``.

The pair of formulae is the one N. Piskunov made for VALD (Ryabchikova et al.
2015, Phys. Scr. 90, 054005; VALD documentation, *Air-to-vacuum conversion*):
the refractive index of Morton (2000, ApJS 130, 403) for vacuum to air, and a
fit to its inverse for air to vacuum, good to 1e-6 Å over 2000–100 000 Å. The
thesis (Podsztavek 2017) uses the second one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from vo_emline.spectra.cards import Cards, logical, text

Medium = Literal["air", "vacuum"]

HALPHA_AIR: Final = 6562.801
"""Hα in air, Å (the value of the thesis)."""

HALPHA_VAC: Final = 6564.614
"""Hα in vacuum, Å."""

SPEED_OF_LIGHT_KMS: Final = 299_792.458
"""Speed of light, km/s."""


def air_to_vacuum(wavelength_air: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Convert wavelengths in standard air to vacuum.

    Parameters
    ----------
    wavelength_air
        Wavelengths in air, Å, any shape; meant for 2000–100 000 Å.

    Returns
    -------
    numpy.ndarray
        Wavelengths in vacuum, Å: Hα 6562.801 becomes 6564.614.
    """
    air = np.asarray(wavelength_air, dtype=np.float64)
    s2 = (1e4 / air) ** 2
    index = (
        1.0
        + 8.336624212083e-5
        + 0.02408926869968 / (130.1065924522 - s2)
        + 1.599740894897e-4 / (38.92568793293 - s2)
    )
    return np.asarray(air * index)


def vacuum_to_air(wavelength_vac: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Convert wavelengths in vacuum to standard air (Morton 2000, eq. 8).

    Parameters
    ----------
    wavelength_vac
        Wavelengths in vacuum, Å, any shape.

    Returns
    -------
    numpy.ndarray
        Wavelengths in air, Å.
    """
    vacuum = np.asarray(wavelength_vac, dtype=np.float64)
    s2 = (1e4 / vacuum) ** 2
    index = 1.0 + 8.34254e-5 + 0.02406147 / (130.0 - s2) + 1.5998e-4 / (38.9 - s2)
    return np.asarray(vacuum / index)


_AXIS: Final = re.compile(r"(AWAV|WAVE)(?:-[A-Z0-9]{3})?", re.IGNORECASE)
"""FITS Standard 4.0, table 25, with an algorithm of three letters."""

_YES_NO_CARDS: Final[tuple[tuple[str, Medium], ...]] = (
    ("VACUUM", "vacuum"), ("VACWAVE", "vacuum"), ("WAVEVAC", "vacuum"), ("INVACUUM", "vacuum"),
    ("AIRWAVE", "air"), ("WAVEAIR", "air"),
)  # fmt: skip
_WORD_CARDS: Final = ("AIRORVAC", "VACORAIR", "AIRVAC", "VACAIR", "WAVEMED", "WAVEMEDI", "MEDIUM",
                      "WAVETYPE", "WAVEFRAM", "VACUUM", "SPECMED")  # fmt: skip

_CONVERTED: Final = re.compile(
    r"(?:(?:air|vac(?:uum)?)\W*(?:to|2|->)\W*|(?:converted|corrected|transformed|changed)\s+(?:in)?to\s+"
    r"(?:\w+\s+){0,2}?)(air|vac(?:uum)?)",
    re.IGNORECASE,
)
_DENIED: Final = re.compile(
    r"\b(?:not|never|without)\s+(?:\w+\s+){0,3}?(?:air|vac(?:uum)?)\b"
    r"|\b(?:air|vac(?:uum)?)\b(?:\s+\w+){0,3}?\s+not\s+(?:applied|done|made|performed)",
    re.IGNORECASE,
)
_ABOUT_WAVELENGTHS: Final = re.compile(
    r"wave|lambda|\bwl\b|dispersion|spectral axis|angstrom|ångström|crval|solution", re.IGNORECASE
)
_OTHER_AIR: Final = re.compile(
    r"\bair[\s_-]*(?:mass|temp\w*|press\w*|flow|force)|\bvac(?:uum)?\s*(?:gauge|press\w*|pump|vessel)|"
    r"in\s+the\s+air\b",
    re.IGNORECASE,
)


def medium_of_axis(kind: str) -> Medium | None:
    """Give the medium that CTYPE1 states: ``AWAV`` is air, ``WAVE`` vacuum, *Wavelength* nothing."""
    found = _AXIS.fullmatch(kind.strip())
    if found is None:
        return None
    return "air" if found[1].upper() == "AWAV" else "vacuum"


def medium_in_words(*said: str) -> Medium | None:
    """Find the word *air* or *vacuum* in what is said of a wavelength; None where both stand there.

    *air to vacuum* and *converted to air* say what came out; *not converted to vacuum* says nothing.
    """
    whole = _OTHER_AIR.sub(" ", " ".join(said))
    if _DENIED.search(whole):
        return None
    results = {_as_medium(word) for word in _CONVERTED.findall(whole)}
    if len(results) == 1:
        return results.pop()
    words = set(re.split(r"[\W_\d]+", whole.lower()))
    if "not" in words and words & {"air", "vac", "vacuum"}:
        return None
    air, vacuum = bool(words & {"air", "awav"}), bool(words & {"vac", "vacuum", "vacuo"})
    if air == vacuum:
        return None
    return "air" if air else "vacuum"


def medium_in_remarks(lines: Iterable[str]) -> Medium | None:
    """Find the medium in lines of comment or history that are about wavelengths; None where they differ."""
    told = [medium_in_words(line) for line in lines if _ABOUT_WAVELENGTHS.search(line)]
    found = {medium for medium in told if medium}
    return found.pop() if len(found) == 1 else None


def medium_of_cards(cards: Cards) -> Medium | None:
    """Give the medium that a card states (``VACUUM = T``, ``AIRORVAC = 'vac'``)."""
    for key, means in _YES_NO_CARDS:
        said = logical(cards, key)
        if said is not None:
            return means if said else _OPPOSITE[means]
    for key in _WORD_CARDS:
        found = medium_in_words(text(cards, key))
        if found is not None:
            return found
    return None


def _as_medium(word: str) -> Medium:
    return "air" if word.lower() == "air" else "vacuum"


_OPPOSITE: Final[dict[Medium, Medium]] = {"air": "vacuum", "vacuum": "air"}
