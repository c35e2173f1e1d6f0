"""The addresses of the products: ``/spectrum``, ``/product`` and ``/preview.png``."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.clients import in_page_place
from service.context import services
from service.parameters import Parameters, read_parameters
from service.products.deliver import Delivery, deliver_original, deliver_spectrum
from service.products.preview import deliver_preview
from service.products.request import parse_request
from vo_emline.errors import UserError

_METHODS: Final = ["GET", "POST"]


async def spectrum(request: Request) -> Response:
    """Answer with a spectrum: whole or cut out, in the asked format (SODA 1.0, ``{sync}``)."""
    wanted = parse_request(await read_parameters(request))
    delivery = await in_page_place(request, deliver_spectrum, services(request).store, wanted)
    return Response(status_code=204) if delivery is None else _response(delivery)


async def product(request: Request) -> Response:
    """Answer with the original file of a spectrum."""
    did = _identifier(await read_parameters(request))
    return _response(await in_page_place(request, deliver_original, services(request).store, did))


async def preview(request: Request) -> Response:
    """Answer with a picture of a spectrum (PNG)."""
    did = _identifier(await read_parameters(request))
    delivery = await in_page_place(request, deliver_preview, services(request).store, did)
    return _response(delivery, headers={"Cache-Control": "max-age=3600"})


def _identifier(parameters: Parameters) -> str:
    did = parameters.one("ID")
    if did is None:
        raise UserError("UsageFault: ID is missing: name the publisher DID of one spectrum")
    return did.strip()


def _response(delivery: Delivery, *, headers: dict[str, str] | None = None) -> Response:
    name = delivery.filename.encode("ascii", "replace").decode().replace('"', "")
    disposition = {"Content-Disposition": f'inline; filename="{name}"'}
    return Response(delivery.content, media_type=delivery.media_type, headers=disposition | (headers or {}))


def routes() -> list[Route]:
    """Give the routes of the products, for the root of the service."""
    return [
        Route("/spectrum", spectrum, methods=_METHODS),
        Route("/product", product, methods=_METHODS),
        Route("/preview.png", preview, methods=_METHODS),
    ]
