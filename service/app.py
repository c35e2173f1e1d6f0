"""Assembly of the service: collaborators, middleware, routes. Nothing is decided here."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import anyio
from platformdirs import user_cache_path
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from service import datalink, labelling, products, registry, scs, ssa
from service.config import Settings, bytes_of
from service.finished import FinishedAnswers
from service.formats.header import frame
from service.logs import configure_logs
from service.metrics import COUNTS, Metrics, SharedCounts
from service.middleware import AccessLog, BodyLimit, on_http_error, on_internal_error, on_user_error
from service.monitor import routes as monitor_routes
from service.slots import Slots
from service.spool import Quota
from service.store import is_database, open_store
from service.tap.context import TapServices
from service.tap.job_routes import routes as job_routes
from service.tap.jobs import TapWork
from service.tap.queries import QueryRunner
from service.tap.sync import routes as tap_routes
from service.tap.uploads import UploadReader
from service.urls import Urls
from service.uws.manager import JobManager
from service.vosi.routes import routes as vosi_routes
from service.web.routes import routes as web_routes
from vo_emline.candidates.obscore import OBSCORE
from vo_emline.errors import UserError

FORM_OVERHEAD: Final = 1_000_000
"""Bytes a request may have beyond the largest upload: its other parameters."""


def create_app(release: str | Path, settings: Settings) -> Starlette:
    """Make the application that serves one release.

    Parameters
    ----------
    release
        The release file (:func:`vo_emline.candidates.release.build_release`), or the connection string of
        the PostgreSQL database that holds it.
    settings
        Settings; ``public_url`` must be set.

    Raises
    ------
    DataError
        The file is no release.
    UserError
        Another service uses the state directory.
    """
    configure_logs(form=settings.log_format)
    services = assemble(release, settings)
    labels = open_labels(str(release), services)
    app = Starlette(
        routes=[
            *monitor_routes(),
            *web_routes(),
            *tap_routes(),
            *job_routes(),
            *vosi_routes(),
            *ssa.routes(),
            *scs.routes(),
            *registry.routes(),
            *datalink.routes(),
            *products.routes(),
            *(labelling.routes() if labels else []),
        ],
        middleware=[
            Middleware(AccessLog, metrics=services.metrics),
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=("GET", "POST") if "*" in settings.cors_origins else ("GET", "POST", "DELETE"),
                allow_headers=("*",),
                expose_headers=("Location", "Content-Disposition", "X-Query-Status", "X-Query-Maxrec"),
            ),
            Middleware(
                BodyLimit,
                max_bytes=settings.upload_bytes + FORM_OVERHEAD,
                seconds=settings.body_seconds,
            ),
        ],
        exception_handlers={
            UserError: on_user_error,
            HTTPException: on_http_error,
            Exception: on_internal_error,
        },
        lifespan=_lifespan,
    )
    app.router.redirect_slashes = False  # it would believe the Host header; on_http_error does not
    app.state.services = services
    app.state.labelling = labels
    return app


def assemble(release: str | Path, settings: Settings) -> TapServices:
    """Make the collaborators of the handlers."""
    urls = Urls(settings.public_url)
    metrics = Metrics()
    with ExitStack() as undo:
        store = open_store(str(release), settings=settings, urls=urls)
        undo.callback(store.close)
        queries = QueryRunner(store=store, urls=urls, settings=settings, descriptors=(datalink.descriptors,))
        state = state_directory(str(release), settings)
        uploads = UploadReader(settings)
        make_work = partial(TapWork, queries=queries, uploads=uploads, settings=settings)
        jobs = JobManager(state, settings=settings, make_work=make_work)
        undo.pop_all()
    return TapServices(
        settings=settings,
        urls=urls,
        store=store,
        queries=queries,
        jobs=jobs,
        uploads=uploads,
        metrics=metrics,
        shared_counts=SharedCounts(state / COUNTS, metrics) if settings.processes > 1 else None,
        slots=Slots(settings.queries, each=settings.client_queries, seconds=settings.queue_seconds),
        pages=Slots(settings.pages, each=settings.client_pages, seconds=settings.queue_seconds),
        finished=FinishedAnswers(bytes_of(settings.page_cache)),
        quota=Quota(bytes_of(settings.spool), share=bytes_of(settings.spool) // settings.queries),
    )


def open_labels(release: str, services: TapServices) -> labelling.LabelServices | None:
    """Open the labels of people, where people may label; None where they may not."""
    if not services.settings.label:
        return None
    folder = label_directory(release, services.settings)
    return labelling.label_services(folder, release, store=services.store, urls=services.urls)


def label_directory(release: str, settings: Settings) -> Path:
    """Give the folder of labels, queues and people who label."""
    return settings.label_state or state_directory(release, settings)


def state_directory(release: str, settings: Settings) -> Path:
    """Give the folder for jobs: where none is set beside a file, or in the user's cache for a database."""
    if settings.state_directory:
        return settings.state_directory
    if not is_database(release):
        return Path(release).absolute().parent / "service-state"
    digest = hashlib.sha256(release.encode()).hexdigest()[:16]
    return user_cache_path("vo-emline") / "served" / digest / "service-state"


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    services: TapServices = app.state.services
    # astropy reads its units when it first meets one: now, and not while the first client waits.
    await anyio.to_thread.run_sync(partial(frame, OBSCORE.columns, infos={}))
    services.uploads.start()
    services.jobs.start()
    if services.shared_counts:
        services.shared_counts.start()
    await anyio.to_thread.run_sync(services.store.warm)
    yield
    if services.shared_counts:
        services.shared_counts.close()
    services.jobs.close()
    services.uploads.close()
    if app.state.labelling:
        app.state.labelling.close()
    services.store.close()
