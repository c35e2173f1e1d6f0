"""What the first page begins with: how many of each class, the most striking ones, where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from service.finished import FOREVER, Finished, page
from service.formats import FORMATS
from service.pages import relative_urls, render
from service.store import Release
from service.tap.context import TapServices
from service.tap.examples import examples_for
from service.web.asking import ask
from service.web.cutout import cutouts_svg
from service.web.refused import LeftOut, left_out
from service.web.sky import SkyMap, drawing, sky_map
from service.web.view import View
from service.web.written import probability, with_error
from vo_emline.candidates.citation import Citation
from vo_emline.candidates.columns import CANDIDATES, SCORES
from vo_emline.candidates.facts import PASSED_OVER
from vo_emline.errors import UserError
from vo_emline.labels import DOUBLE_PEAK, EMISSION, LABELS

STRIKING: Final = 6
"""Candidates of each kind on the first page."""

MAP_ORDER: Final = 3
"""HEALPix order of the map on the first page: 7.3°, as a finer one would be most of the page."""

_COLUMNS: Final = ("candidate_id", "designation", "label", "score", "ew", "ew_error", "spectral_subclass")


@dataclass(frozen=True, slots=True, kw_only=True)
class Striking:
    """A candidate worth looking at first."""

    candidate_id: str
    name: str
    label: str
    score: str
    ew: str
    subclass: str
    cutout: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """The top of the first page."""

    classes: Mapping[str, int]
    """Classified spectra by label."""
    striking: Sequence[Striking]
    map: SkyMap | None
    """None where it took too long."""


def home_page(context: TapServices) -> Finished:
    """Give the page at ``/``."""
    with context.store.lease() as release:
        return _page(context, release)


def _page(context: TapServices, release: Release) -> Finished:
    classified = release.table(CANDIDATES.qualified_name) is not None
    beginning = _beginning(context, release) if classified else None
    others, counted = _others(context, release)
    text = render(
        "home.html",
        settings=context.settings,
        urls=relative_urls("/"),
        public=context.urls,
        tables=release.tables,
        counts=release.counts,
        metadata={key: value for key, value in release.metadata.items() if key != PASSED_OVER},
        left_out=others,
        citation=Citation.of(release.metadata),
        examples=examples_for(release),
        formats=FORMATS,
        beginning=beginning,
        drawing=drawing(),
    )
    whole = counted and (beginning is None or beginning.map is not None)
    return page(text, seconds=FOREVER if whole else 0)


def _others(context: TapServices, release: Release) -> tuple[LeftOut | None, bool]:
    """Account for the files that were left out, and say whether there was time to count them."""
    try:
        return left_out(context, release), True
    except UserError:
        return None, False


def _beginning(context: TapServices, release: Release) -> Beginning:
    by_label = f"SELECT label, COUNT(*) AS n FROM {SCORES.qualified_name} GROUP BY label"  # noqa: S608
    counted = {row["label"]: row["n"] for row in ask(context, by_label, limit=len(LABELS))}
    try:
        found = sky_map(context, View(), order=MAP_ORDER)
    except UserError:
        found = None
    return Beginning(
        classes={label: counted.get(label, 0) for label in LABELS},
        striking=striking_candidates(context, release),
        map=found,
    )


def striking_candidates(context: TapServices, release: Release) -> list[Striking]:
    """Give the most significant lines of both kinds among the candidates without a flag."""
    rows: list[dict[str, Any]] = []
    for kind in (DOUBLE_PEAK, EMISSION):
        view = View(labels=(LABELS[kind],), flags=("none",), sort="significance")
        rows += ask(context, view.adql(_COLUMNS, top=STRIKING), limit=STRIKING)
    cutouts = cutouts_svg(release, [row["candidate_id"] for row in rows], large=True)
    return [
        Striking(
            candidate_id=row["candidate_id"],
            name=row["designation"] or row["candidate_id"],
            label=row["label"],
            score=probability(row["score"]),
            ew="" if row["ew"] is None else with_error(row["ew"], row["ew_error"]),
            subclass=row["spectral_subclass"] or "",
            cutout=cutouts.get(row["candidate_id"], Markup("")),
        )
        for row in rows
    ]
