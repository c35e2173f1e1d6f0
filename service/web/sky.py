"""The map of the sky: how many spectra or candidates lie where, and the coverage as a MOC."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

import numpy as np
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from service.errors import status_of
from service.finished import Finished, page
from service.pages import HEADERS, relative_urls, render
from service.tap.context import TapServices, tap_services
from service.web.asking import ask
from service.web.finished import finished
from service.web.projection import HEIGHT, WIDTH, galactic_plane, graticule, labels, outlines
from service.web.view import View
from vo_emline.candidates.columns import HPX_ORDER, MOC_ORDER
from vo_emline.candidates.moc import merged, moc_ascii, moc_fits
from vo_emline.errors import UserError

MAP_ORDER: Final = 4
"""HEALPix order of the cells of the map: 3.7° across."""

STEPS: Final = 6
"""Shades of the map."""

_RICHEST: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of the map."""

    pixel: int
    rows: int
    shade: int
    """From 0 to :data:`STEPS` − 1."""
    link: str
    """Query string of the list of what lies in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkyMap:
    """The map of a view."""

    cells: Sequence[Cell]
    drawn: Markup
    """The cells as links with their outlines, for the pages at the root of the service."""
    bounds: Sequence[tuple[int, int]]
    """Least and greatest number of rows of each shade."""
    rows: int
    richest: Sequence[Cell]


async def sky(request: Request) -> Response:
    """Show the map of a view; without filters that of all candidates."""
    context = tap_services(request)
    make = partial(sky_page, context, request.query_params.multi_items())
    try:
        return await finished(request, context, make)
    except UserError as error:
        page = _page(context, View(), None, message=str(error))
        return HTMLResponse(page, status_of(error), headers=HEADERS)


async def moc(request: Request) -> Response:
    """Give the coverage of a view as a MOC in JSON, ASCII or FITS (MOC 2.0, section 4.3)."""
    context = tap_services(request)
    form = request.url.path.rpartition(".")[2]
    make = partial(moc_answer, context, request.query_params.multi_items(), form=form)
    return await finished(request, context, make)


def moc_answer(context: TapServices, given: Sequence[tuple[str, str]], *, form: str) -> Finished:
    """Write the coverage of a view, as ``json``, ``txt`` or ``fits`` (MOC 2.0, section 4.3).

    Raises
    ------
    UserError
        The address says something impossible, or counting takes more than it may.
    """
    cells = _coverage(context, given)
    if form == "json":
        text = json.dumps({str(order): found for order, found in cells.items()})
        return Finished(content=text.encode(), media_type="application/json", headers={})
    if form == "txt":
        text = moc_ascii(cells) + "\n"
        return Finished(content=text.encode(), media_type="text/plain", headers={})
    name = {"Content-Disposition": 'attachment; filename="coverage-moc.fits"'}
    return Finished(content=moc_fits(cells), media_type="application/fits", headers=name)


def sky_page(context: TapServices, given: Sequence[tuple[str, str]]) -> Finished:
    """Give the page with the map of a view.

    Raises
    ------
    UserError
        The address says something impossible, or counting takes more than it may.
    """
    view = View.read(given)
    with context.store.lease() as release:
        if release.table(view.table.qualified_name) is None:
            return page(_page(context, view, None, message="Nothing is classified in this release."))
        return page(_page(context, view, sky_map(context, view)))


def sky_map(context: TapServices, view: View, *, order: int = MAP_ORDER) -> SkyMap:
    """Count the rows of a view in the cells of the map.

    Raises
    ------
    UserError
        Counting takes more than it may.
    """
    return _mapped(view, order, ask(context, cells_adql(view, order), limit=12 * 4**order))


def cells_adql(view: View, order: int) -> str:
    """Write the query that counts the rows of a view in cells of HEALPix."""
    inner = "\n".join(
        filter(
            None,
            [
                f"SELECT hpx10 / {4 ** (HPX_ORDER - order)} AS cell",
                f"FROM {view.table.qualified_name}",
                view.where(),
            ],
        )
    )
    return f"SELECT cell, COUNT(*) AS n FROM ({inner}) AS cells GROUP BY cell"  # noqa: S608


def _mapped(view: View, order: int, rows: Sequence[Mapping[str, int]]) -> SkyMap:
    found = sorted((row["cell"], row["n"]) for row in rows if row["cell"] is not None)
    edges = shades([n for _, n in found])
    link = view.link(cell=None)
    start = f"{link}{'' if link == '?' else '&'}cell={order}%2F"
    numbers = np.searchsorted(edges, [n for _, n in found], side="right") - 1
    cells = [
        Cell(pixel=pixel, rows=n, shade=shade, link=f"{start}{pixel}")
        for (pixel, n), shade in zip(found, numbers.tolist(), strict=True)
    ]
    last = max((n for _, n in found), default=0)
    ends = [*(edge - 1 for edge in edges[1:]), last]
    return SkyMap(
        cells=cells,
        drawn=_drawn(cells, order, "classified spectra" if view.everything else "candidates"),
        bounds=list(zip(edges, ends, strict=True)),
        rows=sum(n for _, n in found),
        richest=sorted(cells, key=lambda cell: -cell.rows)[:_RICHEST],
    )


def _drawn(cells: Sequence[Cell], order: int, what: str) -> Markup:
    """Draw the cells: by hand, as a template takes ten times as long for thousands of them."""
    paths, address = outlines(order), relative_urls("/sky").candidates
    drawn = [
        f'<a href="{address}{html.escape(cell.link)}" tabindex="-1"><title>{cell.rows:,} {what}</title>'
        f'<path class="d{cell.shade}" d="{paths[cell.pixel]}"/></a>'
        for cell in cells
    ]
    return Markup("\n".join(drawn))  # noqa: S704 - the link is escaped, the rest is ours


def shades(counts: Sequence[int]) -> list[int]:
    """Give the least count of each shade, in equal ratios from 1 to the greatest.

    >>> shades([1, 1, 1]), shades([1, 5, 1000])
    ([1], [1, 4, 10, 32, 100, 317])
    """
    greatest = max(counts, default=0)
    edges = np.ceil(np.geomspace(1, max(greatest, 1), STEPS + 1)[:-1] - 1e-9).astype(int)
    return sorted(set(edges.tolist()))


def _page(context: TapServices, view: View, found: SkyMap | None, *, message: str = "") -> str:
    return render(
        "sky.html",
        settings=context.settings,
        urls=relative_urls("/sky"),
        public=context.urls,
        view=view,
        map=found,
        drawing=drawing(),
        message=message,
        query=cells_adql(view, MAP_ORDER),
        query_string=view.link()[1:],
    )


@cache
def drawing() -> dict[str, object]:
    """Give what is the same on every map: size, graticule, galactic plane, texts."""
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "graticule": graticule(),
        "plane": galactic_plane(),
        "labels": labels(),
    }


def _coverage(context: TapServices, given: Sequence[tuple[str, str]]) -> dict[int, list[int]]:
    view = View.read(given)
    query = cells_adql(view, MOC_ORDER)
    with context.store.lease() as release:
        if release.table(view.table.qualified_name) is None:
            return {MOC_ORDER: []}
        rows = ask(context, query, limit=12 * 4**MOC_ORDER)
    return merged([row["cell"] for row in rows if row["cell"] is not None])
