"""Running the service: find or make the release, bind the port, print the address, answer requests."""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import click
import pyarrow as pa
import uvicorn
from starlette.applications import Starlette

from service.app import create_app, state_directory
from service.config import Settings, load
from service.connections import BehindProxies, bounded, set_options
from service.processes import shared_nursery
from service.store import is_database, open_store
from service.supervisor import Supervisor, end_with
from service.urls import Urls, is_local
from vo_emline.candidates import build_release, index_spectra
from vo_emline.candidates.citation import is_placeholder
from vo_emline.candidates.columns import REJECTS
from vo_emline.candidates.output import arrow_schema
from vo_emline.errors import DataError, UserError
from vo_emline.rundir import SUMMARY, RunDirectory

RELEASE_SUFFIX: Final = ".duckdb"
SHUTDOWN_SECONDS: Final = 10
"""How long running requests may take to end when the service is stopped."""


def run_server(
    place: str,
    *,
    config: Path | None,
    overrides: Mapping[str, Any],
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve `place` until interrupted; the address is the first line on standard output.

    Parameters
    ----------
    place
        A run's directory, a release, a folder of spectra, or the connection string of a database.
    config, overrides
        See :func:`service.config.load`.
    ready
        Told the address when requests are waited for.

    Raises
    ------
    UserError
        A setting is wrong, the port is taken, or `place` holds nothing to serve.
    DataError
        The release of a run cannot be opened.
    """
    settings = load(config, **overrides)
    release = place if is_database(place) else find_release(Path(place))
    if not sys.stderr.isatty() and threading.current_thread() is threading.main_thread():
        # To a daemon it means that something is to be read anew: nothing is, so it goes on.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with _bind(settings) as listener:
        settings = with_public_url(settings, port=listener.getsockname()[1])
        if (hint := public_url_hint(load(config, **overrides), settings)) is not None:
            click.echo(hint, err=True)
        if (hint := label_hint(place, settings)) is not None:
            click.echo(hint, err=True)
        if (hint := authority_hint(str(release), settings)) is not None:
            click.echo(hint, err=True)
        if settings.processes > 1:
            shared_nursery().close()  # each process has one of its own
            _check(place, release, settings)
            state = state_directory(str(release), settings)
            supervisor = Supervisor(listener, str(release), settings, state=state)
            _say(settings, ready)
            sys.exit(supervisor.run())
        app = _application(place, release, settings)
        _say(settings, ready)
        _answer(app, listener, settings)


def run_process(descriptor: int, supervisor: int) -> None:
    """Run one of several processes; what it serves comes as JSON on standard input.

    Parameters
    ----------
    descriptor
        The listener.
    supervisor
        The process that started it, with which it ends.
    """
    end_with(supervisor)
    said = json.load(sys.stdin)
    settings = Settings(**said["settings"])
    with socket.socket(fileno=descriptor) as listener:
        _answer(create_app(said["release"], settings), listener, settings)


def _say(settings: Settings, ready: Callable[[str], None] | None) -> None:
    """Say the address: from here on clients wait instead of failing."""
    click.echo(settings.public_url)
    sys.stdout.flush()
    if ready is not None:
        ready(settings.public_url)


def _answer(app: Starlette, listener: socket.socket, settings: Settings) -> None:
    """Answer requests until told to end."""
    server = uvicorn.Server(
        uvicorn.Config(
            BehindProxies(app, proxies=settings.proxies),
            log_config=None,
            access_log=False,
            server_header=False,
            headers=[("Server", f"vo-emline/{version('vo-emline')}")],
            http=bounded(),
            proxy_headers=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
    )
    asyncio.run(server.serve(sockets=[listener]))


def _check(place: str, release: str | Path, settings: Settings) -> None:
    """See that the release can be opened, before several processes fail to."""
    try:
        open_store(str(release), settings=settings, urls=Urls(settings.public_url)).close()
    except DataError as error:
        raise _nothing_to_serve(place, error) from error


def _application(place: str, release: str | Path, settings: Settings) -> Starlette:
    """Assemble the service; what the user named and is no release is a mistake in the request."""
    try:
        return create_app(release, settings)
    except DataError as error:
        raise _nothing_to_serve(place, error) from error


def _nothing_to_serve(place: str, error: DataError) -> DataError | UserError:
    if is_database(place) or Path(place).is_file():
        named = error.source if is_database(place) else place
        return UserError(f"{named} is nothing to serve: {error.message}")
    return error


def find_release(path: Path) -> Path:
    """Give the release that `path` means, after making it where `path` is a folder of spectra.

    Raises
    ------
    UserError
        There is nothing to serve.
    """
    if path.is_file():
        return path
    run = RunDirectory(path)
    if run.release.is_file():
        return run.release
    if run.manifest.is_file():
        raise UserError(f"{path} is a run without a release yet; let `vo-emline run` finish")
    if (path / SUMMARY).is_file():
        raise UserError(f"{path} is a survey without a release; make one with `vo-emline publish {path}`")
    return _index_folder(path)


def with_public_url(settings: Settings, *, port: int) -> Settings:
    """Give `settings` with the port in use and, where none is set, the address made of it."""
    host = "localhost" if settings.host in ("0.0.0.0", "127.0.0.1", "::", "::1") else settings.host  # noqa: S104
    url = settings.public_url or f"http://{host}:{port}"
    return settings.model_copy(update={"port": port, "public_url": url.rstrip("/")})


def public_url_hint(given: Settings, used: Settings) -> str | None:
    """Say what to do where other machines are served, but told the address of this one only.

    Parameters
    ----------
    given
        The settings of the operator.
    used
        The same with the address in use.
    """
    if given.public_url or given.host in ("127.0.0.1", "::1", "localhost"):
        return None
    return (
        f"warning: links and jobs are given as {used.public_url}, which other machines cannot reach; "
        f"say the address they use: --public-url http://{socket.gethostname()}:{used.port}"
    )


def authority_hint(release: str, settings: Settings) -> str | None:
    """Say what to do where others are served identifiers of a placeholder authority.

    Parameters
    ----------
    release
        What is served.
    settings
        In use, with the address.
    """
    if is_local(settings.public_url) or settings.authority or is_database(release):
        return None
    import duckdb

    try:
        with duckdb.connect(release, read_only=True) as database:
            facts = dict(database.sql("FROM internal.metadata").fetchall())
    except duckdb.Error:  # what it is, opening it will say
        return None
    if not is_placeholder(facts.get("authority", "")):
        return None
    return (
        "warning: identifiers are of a placeholder authority, which nobody can look up: publish with "
        "--authority YOURS, or set authority in the settings; until then there is no registry at /oai"
    )


def label_hint(place: str, used: Settings) -> str | None:
    """Say how people come to label, where the service is not for the user of this computer only.

    Parameters
    ----------
    place
        What is served, as the operator named it.
    used
        The settings with the address in use.
    """
    if not used.label or used.one_user or used.label_users or used.label_owners:
        return None
    return (
        f"people label by invitation: vo-emline label invite NAME --release {place} "
        f"--public-url {used.public_url}"
    )


def _index_folder(folder: Path) -> Path:
    """Make a release of the spectra in `folder`, kept in the user's cache and made anew at every start."""
    from platformdirs import user_cache_path

    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    spectra, rejects = index_spectra(paths)
    if not spectra.num_rows:
        raise UserError(f"{folder} holds no spectra this program can read ({len(rejects)} other files)")
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    release = user_cache_path("vo-emline") / "served" / digest / "release.duckdb"
    told = [{"source": Path(it.source).name, "code": it.code, "message": it.message} for it in rejects]
    refused = pa.Table.from_pylist(told, schema=arrow_schema(REJECTS))
    build_release(release, spectra=spectra, rejects=refused, metadata={"folder": str(folder.name)})
    click.echo(
        f"serving {spectra.num_rows} spectra of {folder}, none of them classified; {len(rejects)} files are "
        f"none. To find emission lines in them: vo-emline open {folder}",
        err=True,
    )
    return release


def _bind(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        set_options(listener)
        listener.bind((settings.host, settings.port))
        listener.listen()  # from here on clients wait instead of failing
    except OSError as error:
        listener.close()
        raise UserError(
            f"cannot listen on {settings.host}, port {settings.port}: {error.strerror}; "
            "choose another with --port"
        ) from error
    return listener
