"""The VOSI resources of every service: capabilities, availability, tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from vo_models.vosi.availability import Availability

from service.context import services
from service.datalink import LINKS_ID, SODA_ID
from service.errors import NotFoundError
from service.parameters import read_parameters
from service.scs import STANDARD_ID as SCS_ID
from service.scs import TABLES
from service.ssa import STANDARD_ID as SSA_ID
from service.store import ReleaseStore
from service.tap.context import tap_services
from service.tap.examples import examples_page
from service.uws.manager import JobManager
from service.vosi.capabilities import simple_capabilities, tap_capabilities
from service.vosi.tables import table_document, tableset
from service.xml import document
from vo_emline.candidates.citation import Citation
from vo_emline.errors import EmlineError, UserError

XML: Final = "application/xml"
DETAILS: Final = ("min", "max")
STARTED: Final = datetime.now(UTC).replace(microsecond=0)
"""When this process began."""


def availability(store: ReleaseStore, jobs: JobManager) -> bytes:
    """Give the availability document; the release is really asked, and the jobs whether they can run."""
    problem = _problem(store) or jobs.problem()
    made = Availability(
        available=problem is None,
        up_since=None if problem else STARTED,
        note=[problem] if problem else [],
    )
    return document(made)


def _problem(store: ReleaseStore) -> str | None:
    try:
        with store.lease() as release:
            release.rows("SELECT 1 AS one")
    except EmlineError:
        return "the release cannot be read"
    return None


async def get_tap_capabilities(request: Request) -> Response:
    """Say what the TAP service can do."""
    context = services(request)
    return Response(tap_capabilities(settings=context.settings, urls=context.urls), media_type=XML)


async def get_ssa_capabilities(request: Request) -> Response:
    """Say that this is SSA, and where."""
    url = services(request).urls.ssa
    return Response(simple_capabilities({SSA_ID: url}, base=url), media_type=XML)


async def get_scs_capabilities(request: Request) -> Response:
    """Say that this is a cone search, and where."""
    table = request.path_params["table"]
    if table not in TABLES:
        raise NotFoundError(f"cones can be asked of {', '.join(TABLES)}")
    url = services(request).urls.scs(table)
    return Response(simple_capabilities({SCS_ID: url}, base=url), media_type=XML)


async def get_datalink_capabilities(request: Request) -> Response:
    """Say which standards are spoken: DataLink, and SODA for the cut-outs."""
    urls = services(request).urls
    spoken = {LINKS_ID: urls.datalink, SODA_ID: urls.spectra}
    return Response(simple_capabilities(spoken, base=f"{urls.base}/datalink"), media_type=XML)


async def get_availability(request: Request) -> Response:
    """Say whether the service works."""
    context = tap_services(request)
    made = await anyio.to_thread.run_sync(availability, context.store, context.jobs)
    return Response(made, media_type=XML)


async def get_tables(request: Request) -> Response:
    """List the tables; ``detail=min`` leaves out the columns."""
    detail = ((await read_parameters(request)).one("DETAIL") or "max").lower()
    if detail not in DETAILS:
        raise UserError(f"DETAIL={detail[:80]} is not offered; use one of {', '.join(DETAILS)}")
    with services(request).store.lease() as release:
        about = Citation.of(release.metadata).summary
        made = tableset(release.tables, counts=release.counts, about=about, columns=detail == "max")
    return Response(made, media_type=XML)


async def get_table(request: Request) -> Response:
    """Describe one table."""
    name = request.path_params["name"]
    with services(request).store.lease() as release:
        table = release.table(name)
        if table is None:
            raise NotFoundError(f"there is no table {name}")
        made = table_document(table, release.tables, counts=release.counts)
    return Response(made, media_type=XML)


async def get_examples(request: Request) -> Response:
    """Show examples that people read and clients understand."""
    context = services(request)
    with context.store.lease() as release:
        page = examples_page(release, context.urls)
    return Response(page, media_type="application/xhtml+xml")


def routes() -> list[Route]:
    """Give the routes of VOSI below ``/tap``, ``/ssa`` and ``/datalink``."""
    return [
        Route("/tap/capabilities", get_tap_capabilities),
        Route("/tap/availability", get_availability),
        Route("/tap/tables", get_tables),
        Route("/tap/tables/{name}", get_table),
        Route("/tap/examples", get_examples),
        Route("/ssa/capabilities", get_ssa_capabilities),
        Route("/ssa/availability", get_availability),
        Route("/scs/{table}/capabilities", get_scs_capabilities),
        Route("/scs/{table}/availability", get_availability),
        Route("/datalink/capabilities", get_datalink_capabilities),
        Route("/datalink/availability", get_availability),
    ]
