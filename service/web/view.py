"""A view of the candidates: what the address of the page says, as a query in ADQL that anyone could send.

The filters of the page *are* ADQL. A view knows nothing of databases: it reads the parameters of an
address, writes the conditions, and writes addresses of views like itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self
from urllib.parse import urlencode

from service.web.search import Found, quoted, search, search_list
from vo_emline.candidates.columns import CANDIDATES, HPX_ORDER, SCORES
from vo_emline.errors import UserError
from vo_emline.labels import LABELS
from vo_emline.measure.types import TYPES as PROFILES
from vo_emline.survey.flags import FLAGS
from vo_emline.tables import Table

SIZES: Final = (25, 50, 100, 200)
"""Rows of a page."""

DEEPEST: Final = 1_000_000
"""Rows that may lie before a page: beyond, a filter finds more than leafing."""

_LETTERS: Final = "OBAFGKM"
_PREFIXES: Final = ("", "d", "g", "sd")


def _of_type(letter: str) -> str:
    likes = " OR ".join(f"spectral_subclass LIKE '{prefix}{letter}%'" for prefix in _PREFIXES)
    return f"({likes}) AND spectral_subclass NOT LIKE 'Bi%'" if letter == "B" else f"({likes})"


TYPES: Final[Mapping[str, str]] = {letter: _of_type(letter) for letter in _LETTERS}
"""Conditions of the spectral types: ``dM4`` is an M star and ``Binary`` no B star."""

UNKNOWN: Final = "not in %"
"""What ``known_as`` is like where the catalogues that were asked know nothing of a place."""

KNOWN: Final[Mapping[str, tuple[str, str]]] = {
    "yes": (f"known_as NOT LIKE '{UNKNOWN}'", "in a catalogue"),
    "no": (f"known_as LIKE '{UNKNOWN}'", "in none that was asked"),
    "unasked": ("known_as IS NULL", "no catalogue asked"),
}
"""Conditions of what is known, and their names."""


@dataclass(frozen=True, slots=True)
class Range:
    """A quantity that can be limited."""

    column: str
    title: str
    unit: str = ""
    steps: tuple[tuple[str, float], ...] = ()
    """Limits offered with counts: ``("min", 50.0)``."""


RANGES: Final = (
    Range("score", "Probability of emission", steps=(("min", 0.5), ("min", 0.9), ("min", 0.99))),
    Range("snr_r", "S/N in r", steps=(("min", 10.0), ("min", 20.0), ("min", 50.0), ("min", 100.0))),
    Range("ew", "Equivalent width (emission < 0)", "Å", (("max", -2.0), ("max", -5.0), ("max", -20.0))),
    Range("fwhm", "Width (FWHM)", "km/s"),
    Range("radial_velocity", "Radial velocity", "km/s"),
    Range("epoch_mjd", "Epoch", "MJD"),
)
_BY_COLUMN: Final = {item.column: item for item in RANGES}

SORTS: Final[Mapping[str, tuple[str, str]]] = {
    "significance": ("line_significance DESC", "most significant line"),
    "ew": ("ew ASC", "strongest emission"),
    "-ew": ("ew DESC", "weakest emission"),
    "score": ("score DESC", "most probable emission"),
    "-score": ("score ASC", "least probable emission"),
    "double": ("p_double_peak DESC", "most probable double peak"),
    "snr": ("snr_r DESC", "highest S/N"),
    "-snr": ("snr_r ASC", "lowest S/N"),
    "fwhm": ("fwhm DESC", "broadest line"),
    "epoch": ("epoch_mjd DESC", "newest"),
    "-epoch": ("epoch_mjd ASC", "oldest"),
    "ra": ("ra ASC", "right ascension"),
    "type": ("spectral_subclass ASC", "spectral type"),
    "name": ("designation ASC", "name"),
}
"""Orders: the terms in ADQL, and their names."""

DISTANCE: Final = "distance"
"""The order by distance, which only a view around a place has."""

COLUMNS: Final = (
    "candidate_id", "designation", "label", "score", "ew", "ew_error", "snr_r", "spectral_subclass", "ra",
    "dec", "known_as", "flags",
)  # fmt: skip
"""What a page shows of a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Which spectra, in which order, how many, and how they are shown."""

    text: str = ""
    """What was typed into the search box."""
    radius: float | None = None
    """How far around a place, deg."""
    names: tuple[str, ...] = ()
    """Lines of a list."""
    labels: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    """Types of the profile of the line."""
    flags: tuple[str, ...] = ()
    """Flags that must be raised; :data:`UNFLAGGED` for none at all."""
    known: tuple[str, ...] = ()
    surveys: tuple[str, ...] = ()
    ranges: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Limits, by column and ``min`` or ``max``."""
    cell: tuple[int, int] | None = None
    """HEALPix order and pixel (NESTED)."""
    everything: bool = False
    """Whether all classified spectra are looked at, and not the candidates alone."""
    sort: str = ""
    size: int = 50
    page: int = 1
    gallery: bool = False

    @classmethod
    def read(cls, parameters: Iterable[tuple[str, str]]) -> Self:
        """Read the parameters of an address; unknown names and empty values count as not given.

        Raises
        ------
        UserError
            A value is impossible; the message says which.
        """
        given: dict[str, list[str]] = {}
        for name, value in parameters:
            if value.strip():
                given.setdefault(name, []).append(value.strip())
        first = {name: values[0] for name, values in given.items()}
        cell = first.get("cell")
        return cls(
            text=first.get("q", "")[:200],
            radius=_radius(first),
            names=tuple(line.strip() for line in first.get("list", "").splitlines() if line.strip()),
            labels=_among("label", given, LABELS),
            types=_among("type", given, TYPES),
            profiles=_among("profile", given, PROFILES),
            flags=_among("flag", given, (UNFLAGGED, *FLAGS)),
            known=_among("known", given, KNOWN),
            surveys=tuple(value[:80] for value in given.get("survey", ())[:20]),
            ranges={
                (item.column, end): _number(f"{item.column}_{end}", first[f"{item.column}_{end}"])
                for item in RANGES
                for end in ("min", "max")
                if f"{item.column}_{end}" in first
            },
            cell=None if cell is None else _cell(cell),
            everything=first.get("all") == "1",
            sort=_one("sort", first.get("sort", ""), (*SORTS, DISTANCE, "")),
            size=int(_one("size", first.get("size", "50"), tuple(map(str, SIZES)))),
            page=_page(first.get("page", "1")),
            gallery=first.get("show") == "gallery",
        )

    @property
    def table(self) -> Table:
        """The table that is asked."""
        return SCORES if self.everything else CANDIDATES

    @property
    def found(self) -> Found | None:
        """What the search box means.

        Raises
        ------
        UserError
            It is a position that is on no sky.
        """
        return search(self.text, radius=self.radius) if self.text else None

    @property
    def offset(self) -> int:
        """How many rows lie before this page."""
        return (self.page - 1) * self.size

    def order(self) -> str:
        """Give the terms of ORDER BY; the last makes the order the same every time."""
        found = self.found
        if found is not None and found.centre and self.sort in ("", DISTANCE):
            ra, dec = found.centre
            return f"DISTANCE(POINT(ra, dec), POINT({ra:.7g}, {dec:.7g})) ASC, candidate_id"
        default = "score" if self.everything else "significance"
        return f"{SORTS[self.sort if self.sort in SORTS else default][0]}, candidate_id"

    def conditions(self) -> list[str]:
        """Give the conditions of WHERE.

        Raises
        ------
        UserError
            The search box or the list cannot be understood.
        """
        found = self.found
        terms = [found.condition] if found is not None else []
        if self.names:
            terms.append(search_list(self.names, radius=self.radius))
        if self.labels:
            terms.append(f"label IN ({', '.join(map(quoted, self.labels))})")
        if self.profiles:
            terms.append(f"profile IN ({', '.join(map(quoted, self.profiles))})")
        terms += [
            _any([conditions[choice] for choice in chosen])
            for chosen, conditions in (
                (self.types, TYPES),
                (self.flags, FLAG_CONDITIONS),
                (self.known, {name: condition for name, (condition, _) in KNOWN.items()}),
            )
            if chosen
        ]
        if self.surveys:
            names = ", ".join(map(quoted, self.surveys))
            terms.append(
                f"obs_publisher_did IN (SELECT obs_publisher_did FROM ivoa.obscore WHERE obs_collection IN ({names}))"  # noqa: S608, E501
            )
        terms += [
            f"{column} {'>=' if end == 'min' else '<='} {value:.10g}"
            for (column, end), value in self.ranges.items()
        ]
        if self.cell is not None:
            order, pixel = self.cell
            width = 4 ** (HPX_ORDER - order)
            terms.append(f"hpx10 BETWEEN {pixel * width} AND {(pixel + 1) * width - 1}")
        return terms

    def adql(
        self, columns: Sequence[str] = (), *, top: int | None = None, offset: int = 0, ordered: bool = True
    ) -> str:
        """Write the query of the view.

        Parameters
        ----------
        columns
            The columns; all where there are none.
        top
            Rows at most.
        offset
            Rows to leave out.
        ordered
            Whether the order matters.
        """
        limit = "" if top is None else f"TOP {top} "
        lines = [f"SELECT {limit}{', '.join(columns) or '*'}", f"FROM {self.table.qualified_name}"]
        order = f"ORDER BY {self.order()}" if ordered else ""
        lines += [self.where(), order, f"OFFSET {offset}" if offset else ""]
        return "\n".join(filter(None, lines))

    def where(self) -> str:
        """Write the WHERE clause; empty where nothing is asked for."""
        terms = self.conditions()
        return "WHERE " + "\n  AND ".join(terms) if terms else ""

    def parameters(self) -> list[tuple[str, str]]:
        """Give the parameters of the address that means this view; defaults are left out."""
        pairs: list[tuple[str, str]] = []
        if self.text:
            pairs.append(("q", self.text))
        if self.radius is not None:
            pairs += [("radius", f"{self.radius:.7g}"), ("unit", "deg")]
        if self.names:
            pairs.append(("list", "\n".join(self.names)))
        for name, values in (
            ("label", self.labels), ("type", self.types),
            ("profile", self.profiles), ("flag", self.flags), ("known", self.known),
            ("survey", self.surveys),
        ):  # fmt: skip
            pairs += [(name, value) for value in values]
        pairs += [(f"{column}_{end}", f"{value:.10g}") for (column, end), value in self.ranges.items()]
        if self.cell is not None:
            pairs.append(("cell", f"{self.cell[0]}/{self.cell[1]}"))
        plain = View()
        for name, value, usual in (
            ("all", "1" if self.everything else "", ""),
            ("sort", self.sort, plain.sort),
            ("size", str(self.size), str(plain.size)),
            ("show", "gallery" if self.gallery else "", ""),
            ("page", str(self.page), "1"),
        ):
            if value != usual:
                pairs.append((name, value))
        return pairs

    def link(self, **changes: object) -> str:
        """Give the query string of a view that differs in `changes`; it begins on its first page."""
        changed = replace(self, **({"page": 1} | changes))  # type: ignore[arg-type] # the fields of this class
        text = urlencode(changed.parameters())
        return f"?{text}" if text else "?"

    def parameters_of_list(self) -> list[tuple[str, str]]:
        """Give the parameters of the whole list, whichever page of it is open."""
        return replace(self, page=1).parameters()

    def with_range(self, column: str, end: str, value: float | None) -> Mapping[tuple[str, str], float]:
        """Give the limits with one of them changed, or taken away."""
        rest = {key: limit for key, limit in self.ranges.items() if key != (column, end)}
        return rest if value is None else rest | {(column, end): value}

    def toggled(self, name: str, choice: str) -> tuple[str, ...]:
        """Give the choices of a filter with one of them added, or taken away."""
        chosen: tuple[str, ...] = getattr(self, name)
        return tuple(item for item in chosen if item != choice) if choice in chosen else (*chosen, choice)

    def limits(self, column: str) -> str:
        """Say the limits of a quantity in words."""
        item = _BY_COLUMN[column]
        low, high = self.ranges.get((column, "min")), self.ranges.get((column, "max"))
        parts = [f"{sign} {value:g}" for sign, value in (("≥", low), ("≤", high)) if value is not None]
        return f"{item.title} {', '.join(parts)} {item.unit}".strip()


UNFLAGGED: Final = "none"
"""The choice of spectra without any flag."""

FLAG_CONDITIONS: Final[Mapping[str, str]] = {
    UNFLAGGED: "(flags = '' OR flags IS NULL)",
    **{name: f"' ' || flags || ' ' LIKE '% {name} %'" for name in FLAGS},
}


def _any(conditions: Sequence[str]) -> str:
    if len(conditions) == 1:
        return conditions[0]
    return "(" + " OR ".join(f"({item})" if " AND " in item else item for item in conditions) + ")"


def _among(name: str, given: Mapping[str, Sequence[str]], choices: Iterable[str]) -> tuple[str, ...]:
    allowed = tuple(choices)
    return tuple(dict.fromkeys(_one(name, value, allowed) for value in given.get(name, ())))


def _one(name: str, value: str, choices: Sequence[str]) -> str:
    if value not in choices:
        raise UserError(f"{name}={value[:60]} is none of {', '.join(filter(None, choices))}")
    return value


def _number(name: str, text: str) -> float:
    try:
        value = float(text.replace("−", "-").replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"“{text[:40]}” is no number ({name})")
    return value


_UNITS: Final = {"deg": 1.0, "arcmin": 60.0, "arcsec": 3600.0}


def _radius(first: Mapping[str, str]) -> float | None:
    if "radius" not in first:
        return None
    value = _number("radius", first["radius"]) / _UNITS[_one("unit", first.get("unit", "deg"), tuple(_UNITS))]
    if not 0 < value <= 180:
        raise UserError("a radius is more than 0 and at most 180°")
    return value


def _page(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= number <= DEEPEST // SIZES[0]:
        raise UserError(f"there is no page {text[:20]}: filters find more than leafing so far")
    return number


def _cell(text: str) -> tuple[int, int]:
    order, _, pixel = text.partition("/")
    if order.isdigit() and pixel.isdigit() and len(text) < 20:
        found = int(order), int(pixel)
        if found[0] <= HPX_ORDER and found[1] < 12 * 4 ** found[0]:
            return found
    raise UserError(
        f"cell={text[:20]} is no HEALPix cell: write ORDER/PIXEL (NESTED, order up to {HPX_ORDER})"
    )
