"""The candidates as a table or a gallery: filters, counts, pages, and the same view in other formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from service.deadline import Deadline
from service.errors import status_of
from service.finished import FOREVER, Finished, page
from service.formats import FORMATS, Format
from service.pages import HEADERS, relative_urls, render
from service.parameters import Parameters
from service.store import Release
from service.tap.context import TapServices, tap_services
from service.tap.mistakes import error_response
from service.tap.request import TapRequest
from service.tap.sync import respond
from service.web.asking import ask
from service.web.basket import MOST
from service.web.cutout import cutouts_svg
from service.web.facets import Counts, count
from service.web.finished import finished
from service.web.lists import read_list
from service.web.search import MAX_NAMES, sexagesimal
from service.web.view import COLUMNS, DISTANCE, KNOWN, RANGES, SIZES, SORTS, TYPES, UNFLAGGED, View
from service.web.written import probability, with_error
from vo_emline.candidates.columns import CANDIDATES
from vo_emline.errors import UserError
from vo_emline.labels import LABELS
from vo_emline.measure.types import TYPES as PROFILES
from vo_emline.survey.flags import FLAGS

TWINS: Final[Mapping[str, Format]] = {
    item.extension: item
    for item in FORMATS
    if item.name in ("votable", "csv", "tsv", "fits", "parquet", "json")
}
"""The formats in which a view can be had, by the ending of its address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One spectrum of the list, as it is written."""

    candidate_id: str
    link: Markup
    """Address of its page, which knows the place of the row in the list."""
    name: str
    label: str
    score: str
    ew: str
    snr: str
    subclass: str
    place: tuple[str, ...]
    """Right ascension and declination, sexagesimal; empty where unknown."""
    known: str
    flags: str
    cutout: str
    """Hα as SVG; empty where none is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The rows of one page of a view."""

    rows: Sequence[Row]
    more: bool
    """Whether there are rows after these."""
    named: bool
    """Whether any of them is known under a name."""
    counts: Counts | None
    """None where counting took too long."""


async def candidates(request: Request) -> Response:
    """Show the list; a list that is sent as a form becomes an address that can be kept."""
    context = tap_services(request)
    if request.method == "POST":
        return await _sent_list(request)
    given = request.query_params.multi_items()
    make = partial(candidates_page, context, given)
    try:
        return await finished(request, context, make)
    except UserError as error:
        text = _page(context, View(), given=given, message=str(error))
        return HTMLResponse(text, status_of(error), headers=HEADERS)


async def twin(name: str, request: Request) -> Response:
    """Stream the whole view in another format, by the same machinery as any query."""
    try:
        adql = View.read(request.query_params.multi_items()).adql()
    except UserError as error:
        return error_response(request, Parameters({}), error)
    return answer_query(request, adql, TWINS[name])


def answer_query(request: Request, adql: str, output: Format) -> Response:
    """Answer with all rows of a query, as ``/tap/sync`` does."""
    context = tap_services(request)
    deadline = Deadline.after(context.settings.sync_seconds)
    asked = TapRequest(query=adql, format=output, maxrec=context.settings.rows_hard)
    query = context.queries.query(asked, deadline=deadline)
    answer_error = partial(error_response, request, Parameters({}))
    return respond(request, query, output, deadline=deadline, answer_error=answer_error)


def candidates_page(context: TapServices, given: Sequence[tuple[str, str]]) -> Finished:
    """Give the page of a view.

    Raises
    ------
    UserError
        The address says something impossible, or the query takes more than it may.
    """
    view = View.read(given)
    with context.store.lease() as release:
        if release.table(CANDIDATES.qualified_name) is None:
            return page(_page(context, view, given=given, message=NOTHING))
        shown = _rows(context, release, view)
        text = _page(context, view, given=given, shown=shown)
        return page(text, seconds=0 if shown.counts is None else FOREVER)


NOTHING: Final = (
    "Nothing is classified in this release: it holds spectra only. Serve the release of a run, "
    "or let `vo-emline open` classify a folder first."
)
"""What is said where there are no candidates."""


def _rows(context: TapServices, release: Release, view: View) -> Page:
    query = view.adql(COLUMNS, top=view.size + 1, offset=view.offset)
    found = ask(context, query, limit=view.size + 1)
    shown = found[: view.size]
    cutouts = cutouts_svg(release, [row["candidate_id"] for row in shown], large=view.gallery)
    urls, place = relative_urls("/candidates"), urlencode([*view.parameters_of_list(), ("at", "")])
    return Page(
        rows=[
            _row(
                row,
                link=escape(f"{urls.page(row['candidate_id'])}?{place}{view.offset + number}"),
                cutout=cutouts.get(row["candidate_id"], ""),
            )
            for number, row in enumerate(shown)
        ],
        more=len(found) > view.size,
        named=any(row["known_as"] for row in shown),
        counts=_counts(context, release, view),
    )


def _counts(context: TapServices, release: Release, view: View) -> Counts | None:
    try:
        return count(context, release, view)
    except UserError:
        return None


def _row(row: Mapping[str, Any], *, link: Markup, cutout: str) -> Row:
    known = row["ra"] is not None and row["dec"] is not None
    return Row(
        candidate_id=row["candidate_id"],
        link=link,
        name=row["designation"] or row["candidate_id"],
        label=row["label"],
        score=probability(row["score"]),
        ew="" if row["ew"] is None else with_error(row["ew"], row["ew_error"]),
        snr="" if row["snr_r"] is None else f"{row['snr_r']:.0f}",
        subclass=row["spectral_subclass"] or "",
        place=sexagesimal(row["ra"], row["dec"]) if known else (),
        known=row["known_as"] or "",
        flags=row["flags"] or "",
        cutout=cutout,
    )


def _page(
    context: TapServices,
    view: View,
    *,
    given: Sequence[tuple[str, str]],
    shown: Page | None = None,
    message: str = "",
) -> str:
    urls = relative_urls("/candidates")
    adql = "" if shown is None else view.adql()
    return render(
        "candidates.html",
        settings=context.settings,
        urls=urls,
        public=context.urls,
        view=view,
        page=shown,
        message=message,
        typed=dict(reversed(given)),
        adql=adql,
        query_string=urlencode(view.parameters()),
        chips=[] if shown is None else list(_chips(view)),
        hidden=[pair for pair in view.parameters() if pair[0] in _NO_FIELD],
        twins={name: item.title for name, item in _TWIN_NAMES.items()},
        choices=_CHOICES,
        ranges=RANGES,
        sizes=SIZES,
        sorts=_sorts(view),
        max_names=MAX_NAMES,
        most_spectra=MOST,
    )


_NO_FIELD: Final = ("list", "cell", "size", "show", "survey")
"""Parameters that the form of filters keeps without showing a field."""


@dataclass(frozen=True, slots=True)
class _Named:
    title: str


_TWIN_NAMES: Final = {
    "vot": _Named("VOTable"), "csv": _Named("CSV"), "fits": _Named("FITS"), "parquet": _Named("Parquet"),
    "json": _Named("JSON"),
}  # fmt: skip

_CHOICES: Final = (
    ("label", "labels", "Class", {name: name for name in LABELS}),
    ("type", "types", "Spectral type", {name: name for name in TYPES}),
    ("profile", "profiles", "Profile of the line", {name: name.replace("-in-", " in ") for name in PROFILES}),
    ("known", "known", "In catalogues", {name: words for name, (_, words) in KNOWN.items()}),
    ("flag", "flags", "Quality flags", {UNFLAGGED: "no flag"} | {name: name for name in FLAGS}),
)
"""Filters with choices: parameter, member of the view and of the counts, title, names of the choices."""


def _sorts(view: View) -> dict[str, str]:
    found = view.found if view.text else None
    near = {DISTANCE: "distance"} if found is not None and found.centre else {}
    return near | {name: words for name, (_, words) in SORTS.items()}


def _chips(view: View) -> list[tuple[str, str]]:
    """Give each filter in words, with the query string of the view without it."""
    chips = []
    if (found := view.found) is not None:
        chips.append((found.words, view.link(text="", radius=None)))
    if view.names:
        chips.append((f"a list of {len(view.names)}", view.link(names=())))
    for _, member, _, names in _CHOICES:
        chips += [
            (names[choice], view.link(**{member: view.toggled(member, choice)}))
            for choice in getattr(view, member)
        ]
    chips += [(name, view.link(surveys=view.toggled("surveys", name))) for name in view.surveys]
    for column in dict.fromkeys(column for column, _ in view.ranges):
        rest = {key: value for key, value in view.ranges.items() if key[0] != column}
        chips.append((view.limits(column), view.link(ranges=rest)))
    if view.cell is not None:
        chips.append((f"HEALPix cell {view.cell[0]}/{view.cell[1]}", view.link(cell=None)))
    if view.everything:
        chips.append(("all classified spectra", view.link(everything=False)))
    return chips


async def _sent_list(request: Request) -> Response:
    """Turn an uploaded list into the address of its view."""
    context = tap_services(request)
    async with request.form(max_files=1, max_fields=200, max_part_size=1_000_000) as form:
        parts = [
            value if isinstance(value, str) else (await value.read()).decode("utf-8", "replace")
            for value in form.getlist("list")
        ]
    try:
        view = View(names=read_list("\n".join(parts)), everything=True)
        view.conditions()  # refuses a list that is too long
    except UserError as error:
        page = _page(context, View(), given=[], message=str(error))
        return HTMLResponse(page, status_of(error), headers=HEADERS)
    if not view.names:
        message = "the list is empty: give a name, obsid, identifier or position on each line"
        return HTMLResponse(_page(context, View(), given=[], message=message), 400, headers=HEADERS)
    return RedirectResponse(f"{relative_urls('/candidates').candidates}{view.link()}", 303)
