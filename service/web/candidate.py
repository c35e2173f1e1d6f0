"""What the page about one candidate shows, and its measured line as people read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.context import Services
from service.errors import NotFoundError
from service.finished import Finished, page
from service.pages import relative_urls, render
from service.products.deliver import find_entry, open_spectrum
from service.products.entries import Entry, find_entries
from service.products.request import FORMATS, NATIVE
from service.store import Release, ReleaseStore
from service.tap.context import TapServices
from service.web.changes import changes
from service.web.company import Epoch, Neighbours, date_of, epochs, neighbours
from service.web.field import field_of
from service.web.known import known_star
from service.web.search import quoted, sexagesimal
from service.web.written import with_error, written
from vo_emline.candidates.citation import Citation
from vo_emline.candidates.columns import CANDIDATES, SCORES
from vo_emline.labels import ABSORPTION, LABELS, PROBABILITY_COLUMNS
from vo_emline.measure.quantities import QUANTITIES
from vo_emline.preprocess.windows import WINDOW_VAC
from vo_emline.spectra import HALPHA_VAC, Spectrum
from vo_emline.survey.flags import FLAGS
from vo_emline.tables import Column

HALPHA_BAND: Final = " ".join(f"{edge * 1e-10:.4e}" for edge in WINDOW_VAC)
"""BAND of the window the network sees, vacuum m."""

NEAR: Final = (
    f"SELECT TOP 20 candidate_id, designation, label, score, page_url\nFROM {SCORES.qualified_name}\n"
    "WHERE DISTANCE(ra, dec, 84.411, 21.143) < 1"
)
"""ADQL that finds the spectra around a position."""

FILES_SECONDS: Final = 300.0
"""How long a page stays right that says whether the file of a spectrum is there, s."""

OVERLAID: Final = 8
"""Spectra of other times that the plot shows at most."""

_HIDDEN: Final = frozenset({"hpx10"})
_DASH: Final = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One value of the table, with its description."""

    column: Column
    value: str
    """As it is shown."""
    unit: str
    """Its unit as people write it."""
    known: bool
    """Whether there is a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The probability of one class."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatePage:
    """What the template is filled with, beside the row itself."""

    name: str
    """Designation of the target, else the identifier."""
    entry: Entry | None
    """Its row in the index; None where the index lacks it."""
    present: bool
    """Whether its file can be read."""
    covers_halpha: bool
    """Whether it reaches over Hα."""
    shares: Sequence[Share]
    flags: Mapping[str, str]
    """Raised flags and what they mean."""
    facts: Sequence[Fact]
    line: Sequence[LineFact]
    """What was measured of its line."""
    place: tuple[str, ...]
    """The same sexagesimal; empty where unknown."""
    when: str
    """Date of the observation (UTC); empty where unknown."""
    sky: str
    """Right ascension and declination, deg, for other services; empty where unknown."""
    query: str
    """ADQL that selects it."""


def candidate_page(
    context: TapServices, candidate_id: str, given: Sequence[tuple[str, str]] = ()
) -> Finished:
    """Give the page about a candidate, or about another spectrum that was classified.

    Parameters
    ----------
    context
        The service.
    candidate_id
        Its identifier.
    given
        Parameters of the address: the list it was opened from (:func:`service.web.company.neighbours`).

    Raises
    ------
    NotFoundError
        The release has no classified spectrum of that identifier.
    """
    with context.store.lease() as release:
        row = find_row(release, candidate_id)
        did = row["obs_publisher_did"]
        entry = find_entries(release, [did]).get(did)
        seen = epochs(release, row)
        field = field_of(release, row, entry)
        star = known_star(release, candidate_id)
        citation = Citation.of(release.metadata)
    text = render(
        "candidate.html",
        settings=context.settings,
        urls=relative_urls("/candidate/ID.html"),
        public=context.urls,
        row=row,
        did=did,
        page=describe(row, entry),
        neighbours=neighbours(context, candidate_id, given) if given else Neighbours(),
        epochs=seen,
        field=field,
        changes=changes(seen),
        others=_overlaid(seen),
        citation=citation,
        star=star,
        formats=[item for item in FORMATS if item is not NATIVE],
        halpha_band=HALPHA_BAND,
    )
    return page(text, seconds=FILES_SECONDS)


def _overlaid(seen: Sequence[Epoch]) -> list[dict[str, str]]:
    """Give the spectra of other times that the plot may show: those nearest in time, the oldest first."""
    urls = relative_urls("/candidate/ID.html")
    here = next((epoch.mjd or 0.0 for epoch in seen if epoch.itself), 0.0)
    others = sorted((e for e in seen if not e.itself), key=lambda e: abs((e.mjd or 0.0) - here))[:OVERLAID]
    return [
        {
            "when": epoch.when or epoch.candidate_id,
            "url": urls.spectrum(epoch.did, FORMAT="text/csv", FLUXCALIB="normalized"),
        }
        for epoch in sorted(others, key=lambda e: e.mjd or 0.0)
    ]


def missing_html(context: Services, candidate_id: str) -> str:
    """Give the page that says that there is no such candidate, and how to find others."""
    return render(
        "missing.html",
        settings=context.settings,
        urls=relative_urls("/candidate/ID.html"),
        public=context.urls,
        candidate_id=candidate_id[:80],
        query=NEAR,
    )


def find_did(context: Services, candidate_id: str) -> str:
    """Give the publisher DID of a classified spectrum, as a literal of ADQL.

    Raises
    ------
    NotFoundError
        There is none of that identifier.
    """
    with context.store.lease() as release:
        return quoted(find_row(release, candidate_id)["obs_publisher_did"])


def find_spectrum(store: ReleaseStore, candidate_id: str) -> tuple[Entry, Spectrum]:
    """Find the file of a classified spectrum, and read it.

    Raises
    ------
    NotFoundError
        There is no such spectrum, or its file is gone or unreadable.
    """
    with store.lease() as release:
        did = find_row(release, candidate_id)["obs_publisher_did"]
    entry = find_entry(store, did)
    return entry, open_spectrum(entry)


def find_row(release: Release, candidate_id: str) -> dict[str, Any]:
    """Look up a classified spectrum by its identifier.

    Raises
    ------
    NotFoundError
        There is none.
    """
    if release.table(SCORES.qualified_name) is not None:
        sql = f"SELECT * FROM {SCORES.qualified_name} WHERE candidate_id = ?"  # noqa: S608
        for row in release.rows(sql, [candidate_id]):
            return row
    raise NotFoundError(f"there is no classified spectrum {candidate_id[:80]}")


def describe(row: Mapping[str, Any], entry: Entry | None) -> CandidatePage:
    """Make the facts, flags and probabilities of a row ready to be shown."""
    table = SCORES if row["label"] == LABELS[ABSORPTION] else CANDIDATES
    return CandidatePage(
        name=row["designation"] or row["candidate_id"],
        entry=entry,
        present=entry is not None and entry.present,
        covers_halpha=entry is not None and entry.wave_min * 1e10 < HALPHA_VAC < entry.wave_max * 1e10,
        shares=[
            Share(label=label, probability=row[column])
            for label, column in zip(LABELS, PROBABILITY_COLUMNS, strict=True)
        ],
        flags={name: FLAGS.get(name, "") for name in (row["flags"] or "").split()},
        facts=[_fact(column, row[column.name]) for column in table.stored if column.name not in _HIDDEN],
        line=line_facts(row),
        place=() if row["ra"] is None or row["dec"] is None else sexagesimal(row["ra"], row["dec"]),
        when=date_of(row["epoch_mjd"]),
        sky="" if row["ra"] is None or row["dec"] is None else f"{row['ra']:.6f} {row['dec']:+.6f}",
        query=f"SELECT * FROM {table.qualified_name} WHERE candidate_id = '{row['candidate_id']}'",  # noqa: S608
    )


def _fact(column: Column, value: Any) -> Fact:
    known = value is not None and value != ""
    text = _text(column, value) if known else _DASH
    return Fact(column=column, value=text, unit=written(column.unit) if known else "", known=known)


def _text(column: Column, value: Any) -> str:
    digits = {"float": ".6g", "double": ".10g"}.get(column.datatype)
    return format(value, digits) if digits else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFact:
    """One measured quantity."""

    name: str
    """Name of its column."""
    text: str
    """Value, error and unit."""
    description: str


def line_facts(row: Mapping[str, Any]) -> Sequence[LineFact]:
    """Give the quantities that were measured of a row of the scores; none for what is no candidate."""
    facts = []
    for quantity in QUANTITIES:
        value, error = row[quantity.name], row[quantity.error_name]
        if value is not None:
            text = f"{with_error(value, error)} {written(quantity.unit)}".strip()
            facts.append(LineFact(name=quantity.name, text=text, description=quantity.description))
    return facts
