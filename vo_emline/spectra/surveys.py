"""What is known of instruments and surveys: one commented TOML each, in the folder ``surveys``.

A file says how to recognise a spectrum of the survey and what its files do not say themselves: the
medium, the line spread, which mask bits make a pixel bad, which cards and columns hold what. Another
survey is one more file; docs/reading.md has the recipe. Every key of a file is described by a field
of :class:`Survey`; keys that are not are refused when the files are loaded.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray
from vo_emline.spectra.cards import Cards, text
from vo_emline.spectra.medium import Medium

FOLDER: Final = Path(__file__).parent / "surveys"
"""Where the files are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One way to recognise a survey: everything that it names has to be there."""

    cards: Mapping[str, str] = field(default_factory=dict)
    """Pattern, searched in the value of a card regardless of case, by the card."""
    columns: Sequence[str] = ()
    """Names of columns of the table (any case), or of extensions of the file."""

    def fits(self, cards: Cards, names: frozenset[str]) -> bool:
        """Tell whether a header and the names of columns and extensions show it."""
        return all(name.upper() in names for name in self.columns) and all(
            (said := _said(cards, key)) is not None and re.search(pattern, said, re.IGNORECASE)
            for key, pattern in self.cards.items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """What the integers of a mask mean."""

    bad_bits: Sequence[int] = ()
    """Bits, counted from 0, of which each makes a pixel unusable."""
    good_value: int | None = None
    """The value of good pixels, where the mask is no set of bits; any other is bad."""
    all_but_bits: Sequence[int] | None = None
    """Bits that do no harm; every other makes a pixel unusable."""

    def bad(self, values: npt.NDArray[Any]) -> BoolArray:
        """Mark the unusable pixels, shape of `values`."""
        finite = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=-1.0, posinf=-1.0, neginf=-1.0)
        whole = np.clip(finite, -(2.0**62), 2.0**62).astype(np.int64)
        if self.good_value is not None:
            return np.asarray(whole != self.good_value)
        if self.all_but_bits is not None:
            return np.asarray((whole & ~_sum_of_bits(self.all_but_bits)) != 0)
        return np.asarray((whole & _sum_of_bits(self.bad_bits)) != 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Spectra kept as rows of images, one row per target, of which a table says who they are."""

    flux: str
    """Pattern of the extension's name, with a group ``arm`` where there are several arms."""
    ivar: str = ""
    """Name of the extension of the inverse variances, ``{arm}`` being replaced."""
    mask: str = ""
    wavelength: str = ""
    """Name of the extension with the wavelengths; the dispersion of the flux's header where it is empty."""
    table: str = ""
    """Name of the table with one row per target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """One spectrum whose flux, errors and mask are rows of the primary image, counted from 1."""

    flux: int
    error: int | None = None
    mask: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planes:
    """One spectrum whose flux, errors and so on are images of their own; numbers or names of extensions."""

    flux: int | str
    normalised_flux: int | str | None = None
    error: int | str | None = None
    relative_error: int | str | None = None
    """Error as a fraction of the flux."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What is known of the spectra of a survey or an instrument."""

    name: str
    """Value of ``Identity.survey``."""
    recognise: Sequence[Sign]
    """Ways to recognise it; one is enough."""
    resolving_power: float | None = None
    """λ/FWHM near Hα, where the file does not say."""
    medium: Medium | None = None
    """Medium of the wavelengths by the published format, where the file does not say."""
    position_error: float = 0.0
    """By how much the position of the target may be off, arcsec; 0 for that of a fibre or a catalogue."""
    ra_of_telescope: bool = False
    """Whether RA and DEC are where the telescope pointed, so that only cards named here are the target's."""
    one_star: bool = False
    """Whether all spectra of a file are of one star, so that the best at Hα is taken."""
    prefer: str = ""
    """Pattern of the name of the extension to take of a file of one star."""
    exposure_is_sum: bool = False
    """Whether the exposure time may be that of several exposures."""
    unknown_ivar_is_bad: bool = False
    """Whether an inverse variance of 0 says that a pixel holds no data."""
    mask: Mask | None = None
    """Meaning of the mask; None where it is not known."""
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Names of columns by role (``wavelength``, ``flux``, ``error``, ``ivar``, ``mask``,
    ``normalised_flux``), before the names that are known in general."""
    cards: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Names of cards, or columns of the table of targets, by field of the identity."""
    fiber_types: Mapping[str, str] = field(default_factory=dict)
    """What its words for the use of a fibre mean (``Sky``, ``Obj``)."""
    rows: Rows | None = None
    """How its spectra lie in rows of images, where they do."""
    about: Sequence[str] = ()
    """Names of tables of one row that say who the star is, the first that is there, behind the headers."""
    lines: Lines | None = None
    """In which rows of one image its flux, errors and mask are, where they are."""
    planes: Planes | None = None
    """How one spectrum is spread over images, where it is."""
    obsids_per_exposure: int | None = None
    """Where every exposure of a plate has so many obsids of its own, beginning with a multiple of that."""


def all_surveys() -> tuple[Survey, ...]:
    """Load every file of :data:`FOLDER`, in the order of their names; once."""
    return _load(FOLDER)


@cache
def survey_named(name: str) -> Survey:
    """Give the survey of a name; ``KeyError`` where there is no such file."""
    return {survey.name: survey for survey in all_surveys()}[name]


def exposure_of(survey: str, obsid: int | None) -> range | None:
    """Give the obsids of the exposure, all fibres of a plate at once, that a spectrum is of.

    Parameters
    ----------
    survey
        Name of its survey.
    obsid
        Its identifier there.

    Returns
    -------
    range or None
        None where the identifiers of the survey do not tell.
    """
    known = next((one for one in all_surveys() if one.name == survey), None)
    if known is None or known.obsids_per_exposure is None or obsid is None or obsid < 0:
        return None
    first = obsid - obsid % known.obsids_per_exposure
    return range(first, first + known.obsids_per_exposure)


def recognise(cards: Cards, names: Iterable[str] = ()) -> Survey | None:
    """Find the survey of a spectrum.

    Parameters
    ----------
    cards
        Its header, primary header included.
    names
        Names of the columns of its table, or of the extensions of its file.
    """
    found = frozenset(name.upper() for name in names)
    return next((s for s in all_surveys() if any(sign.fits(cards, found) for sign in s.recognise)), None)


@cache
def _load(folder: Path) -> tuple[Survey, ...]:
    return tuple(survey_from(tomllib.loads(path.read_text())) for path in sorted(folder.glob("*.toml")))


def survey_from(described: Mapping[str, Any]) -> Survey:
    """Make a survey of the content of its file.

    Raises
    ------
    TypeError
        A key is not one of :class:`Survey`, or one is missing.
    """
    parts = dict(described)
    parts["recognise"] = tuple(Sign(**sign) for sign in parts.get("recognise", ()))
    for name, kind in (("mask", Mask), ("rows", Rows), ("lines", Lines), ("planes", Planes)):
        if name in parts:
            parts[name] = kind(**parts[name])
    unknown = parts.keys() - {one.name for one in fields(Survey)}
    if unknown:
        raise TypeError(f"unknown keys {sorted(unknown)}")
    return Survey(**parts)


def _said(cards: Cards, key: str) -> str | None:
    value = cards.get(key)
    return str(value) if isinstance(value, bool) else (text(cards, key) if value is not None else None)


def _sum_of_bits(bits: Sequence[int]) -> int:
    return sum(1 << bit for bit in bits)
