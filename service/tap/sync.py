"""``/tap/sync``: a query as an HTTP response that streams rows and stops when the client goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import anyio
import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from service.clients import client_of
from service.config import Settings
from service.deadline import Deadline
from service.errors import FaultError, StoppedError
from service.formats import Format, Result
from service.logs import query_facts
from service.middleware import note
from service.parameters import Parameters, open_parameters
from service.slots import Slots
from service.spool import Quota, SlowReaderError, Spool
from service.tap.context import tap_services
from service.tap.mistakes import error_response
from service.tap.queries import LARGEST_PUSHED_LIMIT, Query
from service.tap.request import parse_request
from service.tap.uploads import save_uploads
from vo_emline.errors import UserError

logger = structlog.stdlib.get_logger("service")


LAST_WORDS: Final = 5.0
"""Seconds after the time limit in which a client may still take what says that it was reached."""

LOOK_SECONDS: Final = 0.5
"""How often a query that takes long looks whether others wait for its slot."""

HEADER_ONLY: Final = ("csv", "tsv")
"""Formats that have no place for the word that rows were left out."""


class QueryResponse(Response):
    """Runs a query when it is sent, so that its end is the end of the query.

    The slot is held while the query runs; what the client has not read by then waits in a spool.

    Parameters
    ----------
    query
        The query, not yet running.
    output
        Format of the answer.
    slots, client, settings
        Where it may run, for whom, and for how long while others wait.
    quota
        Limits what waits on disk.
    deadline
        When the rows must be there; soon afterwards the last byte must have been taken.
    answer_error
        Makes the answer where there are no rows.
    """

    def __init__(
        self,
        query: Query,
        output: Format,
        *,
        slots: Slots,
        client: str,
        settings: Settings,
        quota: Quota,
        deadline: Deadline,
        answer_error: Callable[[Exception], Response],
    ) -> None:
        super().__init__()
        self._query = query
        self._format = output
        self._slots = slots
        self._client = client
        self._settings = settings
        self._answer_error = answer_error
        self._deadline = deadline
        self._more = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._spool = Spool(quota, notify=lambda: loop.call_soon_threadsafe(self._more.set))
        self._gone = False
        self._cut = False
        self._notes: dict[str, object] = {}
        self._closed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer: the rows, or a VOTable that says why not."""
        watcher = asyncio.create_task(self._watch(receive))
        try:
            await self._answer(scope, receive, send)
        finally:
            watcher.cancel()
            note(scope, **self._notes)
            self._query.stop()
            self._spool.close()
            if not self._closed:  # it had no slot
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(self._query.close)

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._query.stop()
        self._spool.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = asyncio.get_running_loop().create_future()
        work = asyncio.create_task(self._run(begun))
        try:
            await asyncio.wait([begun, work], return_when=asyncio.FIRST_COMPLETED)
            if begun.done():
                await self._send(work, send)
            await work
        except UserError as error:
            logger.info("query_refused", error=str(error))
            self._notes["refused"] = str(error)
            if begun.done():
                # Only a VOTable can tell inside; of the others the connection is cut, so that nobody takes a
                # part for the whole.
                raise RuntimeError(f"the answer broke off: {error}") from error
            await self._answer_error(error)(scope, receive, send)
        except FaultError as error:
            logger.exception("query_failed")
            if begun.done():
                raise RuntimeError("the answer broke off") from error
            await self._answer_error(error)(scope, receive, send)
        except StoppedError:
            logger.info("client_went_away")
        except OSError:  # some servers say by it that nobody reads any more
            if not self._gone:
                raise
        finally:
            self._query.stop()
            self._spool.close()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([work])

    async def _run(self, begun: asyncio.Future[None]) -> None:
        """Run the query in a slot, until all of its answer is in the spool."""
        loop = asyncio.get_running_loop()
        async with self._slots.take(self._client):
            clock = asyncio.create_task(self._give_way())
            try:
                begin = partial(loop.call_soon_threadsafe, _settle, begun)
                await self._slots.call(partial(self._work, begin))
            finally:
                clock.cancel()

    async def _give_way(self) -> None:
        """End the query where it takes long, as too many do while others wait."""
        await asyncio.sleep(self._settings.long_seconds)
        self._slots.long += 1
        try:
            while not self._slots.crowded(reserve=self._settings.reserve):
                await asyncio.sleep(LOOK_SECONDS)
            self._query.stop("busy")
        finally:
            self._slots.long -= 1

    def _work(self, begin: Callable[[], object]) -> None:
        """Make the answer, and tell as soon as some of it may leave; in one thread from beginning to end."""
        try:
            result = self._query.run()
            chunks = self._format.write(result)
            self._spool.put(next(chunks, b""))
            if not self._waits_for_end(result):
                begin()
            self._produce(chunks)
            self._cut = result.overflow
            self._notes["rows"] = result.delivered
            if result.overflow:
                self._notes["cut"] = True
            if result.failure:
                self._notes["refused"] = result.failure
            begin()
        finally:
            self._query.close()
            self._closed = True

    def _waits_for_end(self, result: Result) -> bool:
        """Tell whether only a header can say that rows were left out, and the rows are few enough to wait."""
        return self._format.name in HEADER_ONLY and result.limit <= LARGEST_PUSHED_LIMIT

    def _produce(self, chunks: Iterator[bytes]) -> None:
        for chunk in chunks:
            try:
                self._spool.put(chunk)
            except SlowReaderError as error:
                self._finish(chunks, error)
                raise

    def _finish(self, chunks: Iterator[bytes], error: SlowReaderError) -> None:
        """Let the writer end the document with the reason, where its format has a place for one."""
        logger.info("slow_reader", client=self._client)
        if isinstance(chunks, Generator):
            with suppress(StopIteration, SlowReaderError):
                self._spool.force(chunks.throw(error))

    async def _taken(self) -> bytes:
        """Give what is there to be sent; in a thread where it is on disk."""
        if self._spool.in_memory:
            return self._spool.take()
        return await anyio.to_thread.run_sync(self._spool.take)

    async def _send(self, work: asyncio.Task[None], send: Send) -> None:
        cut = [(b"x-query-status", b"OVERFLOW")] if self._cut else []
        if self._format.name in HEADER_ONLY:  # where it is sent before that is known
            cut.append((b"x-query-maxrec", str(self._query.limit).encode()))
        headers = [
            *cut,
            (b"content-type", self._format.media_type.encode("latin-1")),
            (b"content-disposition", f'inline; filename="result.{self._format.extension}"'.encode()),
        ]
        try:
            async with asyncio.timeout(self._deadline.remaining() + LAST_WORDS):
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                while True:
                    self._more.clear()
                    ended = work.done()
                    while piece := await self._taken():
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
                    if ended:
                        break
                    waiting = asyncio.create_task(self._more.wait())
                    await asyncio.wait([waiting, work], return_when=asyncio.FIRST_COMPLETED)
                    waiting.cancel()
                work.result()  # raises what ended it
                await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            logger.info("not_read_in_time", client=self._client)
            raise SlowReaderError("the answer was not read within the time limit") from None


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def sync(request: Request) -> Response:
    """Run a query and stream its rows."""
    context = tap_services(request)
    deadline = Deadline.after(context.settings.sync_seconds)
    async with open_parameters(request) as parameters:
        answer_error = partial(error_response, request, Parameters(parameters.values))
        try:
            asked = parse_request(parameters, context.settings)
        except UserError as error:
            note(request.scope, refused=str(error))
            return answer_error(error)
        note(request.scope, **query_facts(asked.query, context.settings.query_log))
        if parameters.all("UPLOAD"):
            folder = TemporaryDirectory(prefix="vo-emline-upload-")
            await save_uploads(parameters, Path(folder.name))
            load = partial(context.uploads.load, parameters.all("UPLOAD"), Path(folder.name))
            query = context.queries.query(asked, deadline=deadline, load=load)
            query.on_close(folder.cleanup)
        else:
            query = context.queries.query(asked, deadline=deadline)
    return respond(request, query, asked.format, deadline=deadline, answer_error=answer_error)


def respond(
    request: Request,
    query: Query,
    output: Format,
    *,
    deadline: Deadline,
    answer_error: Callable[[Exception], Response],
) -> QueryResponse:
    """Answer a request by a query that runs in a slot for queries, within the limits of its client.

    Parameters
    ----------
    request
        Who asks.
    query, output, deadline, answer_error
        As for :class:`QueryResponse`.
    """
    context = tap_services(request)
    return QueryResponse(
        query,
        output,
        slots=context.slots,
        client=client_of(request),
        settings=context.settings,
        quota=context.quota,
        deadline=deadline,
        answer_error=answer_error,
    )


async def home(request: Request) -> Response:
    """Send people who open the base address to the page that explains it."""
    return RedirectResponse(tap_services(request).urls.home, 303)


def routes() -> list[Route]:
    """Give the routes of the synchronous part."""
    return [
        Route("/tap", home, methods=["GET"]),
        Route("/tap/sync", sync, methods=["GET", "POST"]),
    ]
