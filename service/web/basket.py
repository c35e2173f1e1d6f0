"""Selected spectra together: as one archive (tar of FITS files), and as a list of addresses for wget.

The archive is a stream: one spectrum is read, written and sent before the next is looked at, each in a slot
of its own, so that a slow reader holds neither memory nor a slot.
"""

from __future__ import annotations

import tarfile
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from service.clients import client_of, in_page_place
from service.deadline import Deadline
from service.errors import NotFoundError
from service.products.deliver import deliver_spectrum
from service.products.request import FITS, SpectrumRequest
from service.tap.context import TapServices, tap_services
from service.web.asking import ask
from service.web.search import quoted
from service.web.view import View
from vo_emline.candidates.columns import SCORES
from vo_emline.errors import UserError

MOST: Final = 200
"""Spectra of one archive or list at most."""

_MISSING: Final = "MISSING.txt"
_BLOCK: Final = 512


async def archive(request: Request) -> Response:
    """Stream the spectra that are chosen as a tar; what is not there is told in a file of its own."""
    context = tap_services(request)
    spectra = await _asked(request)
    name = {"Content-Disposition": 'attachment; filename="spectra.tar"'}
    return StreamingResponse(_tar(request, context, spectra), media_type="application/x-tar", headers=name)


async def addresses(request: Request) -> Response:
    """Give the addresses of the spectra that are chosen, one on each line."""
    urls = tap_services(request).urls
    spectra = await _asked(request)
    lines = [urls.spectrum(did, FORMAT=FITS.media_type) for _, did in spectra]
    return PlainTextResponse("".join(f"{line}\n" for line in lines))


async def _asked(request: Request) -> list[tuple[str, str]]:
    context = tap_services(request)
    return await in_page_place(request, chosen, context, request.query_params.multi_items())


def chosen(context: TapServices, given: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Give identifier and publisher DID of the spectra that an address chooses.

    Parameters
    ----------
    context
        The service.
    given
        Its parameters: ``id``, once for each spectrum, or those of a view.

    Raises
    ------
    UserError
        They are none or too many, or the view is impossible.
    """
    names = list(dict.fromkeys(value for name, value in given if name == "id" and value))
    columns = ("candidate_id", "obs_publisher_did")
    if names:
        listed = ", ".join(quoted(name[:60]) for name in names[: MOST + 1])
        query = f"SELECT {', '.join(columns)} FROM {SCORES.qualified_name} WHERE candidate_id IN ({listed})"  # noqa: S608
    else:
        query = View.read(given).adql(columns, top=MOST + 1)
    found = [(row["candidate_id"], row["obs_publisher_did"]) for row in ask(context, query, limit=MOST + 1)]
    if not found:
        raise UserError("no spectrum is chosen: tick some in the table, or widen the filters")
    if len(found) > MOST:
        raise UserError(
            f"more than {MOST} spectra are chosen; take fewer at once, or the whole view as a table and its "
            "spectra by vo-emline fetch"
        )
    return found


async def _tar(
    request: Request, context: TapServices, spectra: Sequence[tuple[str, str]]
) -> AsyncIterator[bytes]:
    deadline = Deadline.after(context.settings.sync_seconds)
    missing = []
    for number, (candidate_id, did) in enumerate(spectra):
        if not deadline.remaining():
            missing += [f"{name}: time was up\n" for name, _ in spectra[number:]]
            break
        try:
            async with context.pages.take(client_of(request)):
                content = await context.pages.call(partial(_fits, context, did))
        except UserError as error:
            missing.append(f"{candidate_id}: {error}\n")
            continue
        yield member(f"{candidate_id}.fits", content)
    if missing:
        yield member(_MISSING, "".join(missing).encode())
    yield bytes(2 * _BLOCK)


def _fits(context: TapServices, did: str) -> bytes:
    made = deliver_spectrum(context.store, SpectrumRequest(did=did, format=FITS))
    if made is None:
        raise NotFoundError("it has no pixel")
    return made.content


def member(name: str, content: bytes) -> bytes:
    """Give a file as it stands in a tar (POSIX ustar), padded to whole blocks."""
    head = tarfile.TarInfo(name)
    head.size = len(content)
    return head.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % _BLOCK)
