"""Simple Cone Search (SCS 1.03): ``/scs/candidates``, ``/scs/objects`` and ``/scs/scores``.

A cone is a query as any other: it is written in ADQL and runs under the limits of ``/tap/sync``. The answer
is a VOTable whose three columns of identifier and position bear the UCDs that the standard asks for, nearest
rows first.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from astropy.io.votable.tree import Info, Resource, VOTableFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.deadline import Deadline
from service.errors import INTERNAL, NotFoundError, status_of
from service.formats import Format, Result
from service.formats.header import VERSION
from service.formats.votable import write_tabledata
from service.parameters import Parameters, read_number, read_parameters
from service.tap.context import tap_services
from service.tap.request import TapRequest, parse_rows
from service.tap.sync import respond
from vo_emline.candidates.columns import CANDIDATES, OBJECTS, SCORES
from vo_emline.errors import UserError
from vo_emline.tables import Table

STANDARD_ID: Final = "ivo://ivoa.net/std/ConeSearch"
"""Standard identifier of the protocol (SCS 1.03, appendix A)."""

TABLES: Final = {table.name: table for table in (CANDIDATES, OBJECTS, SCORES)}
"""What cones can be asked of, by the last part of the address."""

UCDS: Final = {
    "meta.id;meta.main": "ID_MAIN",
    "pos.eq.ra;meta.main": "POS_EQ_RA_MAIN",
    "pos.eq.dec;meta.main": "POS_EQ_DEC_MAIN",
}
"""UCDs that the standard wants, of the first version of that vocabulary (SCS 1.03, section 2.2)."""

MEDIA_TYPE: Final = "text/xml;content=x-votable"
_EVERYTHING: Final = 3


def cone_query(parameters: Parameters, table: Table) -> str:
    """Write the ADQL of a cone (SCS 1.03, section 2.1).

    Parameters
    ----------
    parameters
        ``RA``, ``DEC`` (ICRS, deg), ``SR`` (deg), and ``VERB``: 1 and 2 for the columns of most interest,
        3 for all.
    table
        What is asked.

    Raises
    ------
    UserError
        A value is missing or impossible.
    """
    ra, dec, radius = (read_number(name, _given(parameters, name)) for name in ("RA", "DEC", "SR"))
    if not -90 <= dec <= 90:
        raise UserError(f"DEC={dec} is no declination: it lies between -90 and 90 degrees")
    if not 0 <= radius <= 180:
        raise UserError(f"SR={radius} is no radius: it lies between 0 and 180 degrees")
    verbosity = parameters.one("VERB") or "2"
    if verbosity not in ("1", "2", "3"):
        raise UserError(f"VERB={verbosity[:80]} is not 1, 2 or 3")
    wanted = (c.name for c in table.columns if c.principal or int(verbosity) == _EVERYTHING)
    centre = f"{ra % 360!r}, {dec!r}"
    return (
        f"SELECT {', '.join(wanted)}, DISTANCE(ra, dec, {centre}) AS separation "  # noqa: S608
        f"FROM {table.qualified_name} "
        f"WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE({centre}, {radius!r})) ORDER BY separation"
    )


def _given(parameters: Parameters, name: str) -> str:
    text = parameters.one(name)
    if text is None:
        raise UserError(f"{name} is missing: a cone search needs RA, DEC and SR, in degrees")
    return text


def write_cone(result: Result) -> Iterator[bytes]:
    """Write the answer to a cone search, piece by piece."""
    result.columns = [replace(one, ucd=UCDS.get(one.ucd or "", one.ucd)) for one in result.columns]
    return write_tabledata(result)


_FORMAT: Final = Format(media_type=MEDIA_TYPE, name="cone", extension="vot", write=write_cone)


def write_mistake(message: str, *, infos: Mapping[str, str]) -> bytes:
    """Write an error document: an INFO called Error directly in the VOTable (SCS 1.03, section 2.3)."""
    document = VOTableFile(version=VERSION)
    document.infos.append(Info(ID="Error", name="Error", value=message))
    document.infos.extend(Info(name=name, value=value) for name, value in infos.items())
    document.resources.append(Resource(type="results"))
    buffer = io.BytesIO()
    document.to_xml(buffer)
    return buffer.getvalue()


def _answer_mistake(error: Exception, *, request: Request) -> Response:
    """Answer an error: with status 200 where the client made it, as old clients expect."""
    mine = isinstance(error, UserError)
    status = status_of(error)
    return Response(
        write_mistake(str(error) if mine else INTERNAL, infos=tap_services(request).origin()),
        status_code=200 if status == 400 else status,
        media_type=MEDIA_TYPE,
    )


async def cone(request: Request) -> Response:
    """Answer a cone search."""
    context = tap_services(request)
    answer_mistake = partial(_answer_mistake, request=request)
    table = TABLES.get(request.path_params["table"])
    with context.store.lease() as release:
        if table is None or release.table(table.qualified_name) is None:
            raise NotFoundError(f"cones can be asked of {', '.join(TABLES)}")
    try:
        parameters = await read_parameters(request)
        maxrec = parse_rows(parameters.one("MAXREC"), context.settings)
        query = cone_query(parameters, table)
    except UserError as error:
        return answer_mistake(error)
    deadline = Deadline.after(context.settings.sync_seconds)
    asked = TapRequest(query=query, format=_FORMAT, maxrec=maxrec)
    work = context.queries.query(asked, deadline=deadline)
    return respond(request, work, asked.format, deadline=deadline, answer_error=answer_mistake)


def routes() -> list[Route]:
    """Give the routes of cone search."""
    return [Route("/scs/{table}", cone, methods=["GET", "POST"])]
