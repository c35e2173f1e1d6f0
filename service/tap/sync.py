"""``/tap/sync``: a query as an HTTP response that streams rows and stops when the client goes away."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from service.deadline import Deadline
from service.errors import FaultError, StoppedError
from service.formats import Format, Result
from service.middleware import votable_error
from service.parameters import open_parameters
from service.places import Places
from service.tap.context import tap_services
from service.tap.queries import Query
from service.tap.request import parse_request
from service.tap.uploads import save_uploads
from vo_emline.errors import UserError

logger = structlog.stdlib.get_logger("service")


class QueryResponse(Response):
    """Runs a query when it is sent, so that its end is the end of the query.

    Parameters
    ----------
    query
        The query, not yet running.
    output
        Format of the answer.
    places
        Where it may run.
    """

    def __init__(self, query: Query, output: Format, *, places: Places) -> None:
        super().__init__()
        self._query = query
        self._format = output
        self._places = places
        self._gone = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer: the rows, or a VOTable that says why not."""
        watcher = asyncio.create_task(self._watch(receive))
        try:
            await self._answer(scope, receive, send)
        finally:
            watcher.cancel()
            self._query.stop()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._query.close)

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._query.stop()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with self._places.take():
                result = await self._places.call(self._query.run)
                await self._stream(result, send)
        except UserError as error:
            logger.info("query_refused", error=str(error))
            await votable_error(error)(scope, receive, send)
        except FaultError as error:
            logger.exception("query_failed")
            await votable_error(error)(scope, receive, send)
        except StoppedError:
            logger.info("client_went_away")
        except OSError:  # some servers say by it that nobody reads any more
            if not self._gone:
                raise

    async def _stream(self, result: Result, send: Send) -> None:
        chunks = self._format.write(result)
        first = await self._places.call(lambda: next(chunks, b""))
        headers = [
            (b"content-type", self._format.media_type.encode("latin-1")),
            (b"content-disposition", f'inline; filename="result.{self._format.extension}"'.encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": first, "more_body": True})
        try:
            while (chunk := await self._places.call(lambda: next(chunks, None))) is not None:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except (UserError, FaultError) as error:
            # Only a VOTable can tell inside; of the others the connection is cut, so that nobody takes a part
            # for the whole.
            raise RuntimeError(f"the answer broke off: {error}") from error
        await send({"type": "http.response.body", "body": b""})


async def sync(request: Request) -> Response:
    """Run a query and stream its rows."""
    context = tap_services(request)
    deadline = Deadline.after(context.settings.sync_seconds)
    async with open_parameters(request) as parameters:
        asked = parse_request(parameters, context.settings)
        folder = TemporaryDirectory(prefix="vo-emline-upload-")
        await save_uploads(parameters, Path(folder.name))
    load = partial(context.uploads.load, parameters.all("UPLOAD"), Path(folder.name))
    query = context.queries.query(asked, deadline=deadline, load=load)
    query.on_close(folder.cleanup)
    return QueryResponse(query, asked.format, places=context.places)


async def home(request: Request) -> Response:
    """Send people who open the base address to the page that explains it."""
    return RedirectResponse(tap_services(request).urls.home, 303)


def routes() -> list[Route]:
    """Give the routes of the synchronous part."""
    return [
        Route("/tap", home, methods=["GET"]),
        Route("/tap/sync", sync, methods=["GET", "POST"]),
    ]
