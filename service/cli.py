"""The commands of the service: ``vo-emline open``, ``serve``, ``adql``, … Imported quickly, working late."""

from __future__ import annotations

from pathlib import Path

import click

from service.adql_command import adql
from service.label_command import label
from service.label_data_command import DATA
from service.operating import service
from service.registry_command import registry

__all__ = ["adql", "label", "open_folder", "registry", "serve", "service"]

for command in DATA:
    label.add_command(command)


@click.command()
@click.argument("path")
@click.option("--config", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Settings, TOML; service/service.toml lists them all.")  # fmt: skip
@click.option("--host", help="Address to listen on (default 127.0.0.1; 0.0.0.0 for all networks).")
@click.option("--port", type=int, help="Port to listen on (default 8000; 0 picks a free one).")
@click.option("--public-url", help="Address users see, when a proxy stands in front.")
@click.option("--title", help="Name of the service.")
@click.option("--state-directory", type=click.Path(file_okay=False, path_type=Path),
              help="Folder for jobs and results (default: service-state beside the release).")  # fmt: skip
@click.option("--processes", type=int, help="Processes that answer; limits are for all together (default 1).")
@click.option("--workers", type=int, help="Asynchronous jobs that run at the same time.")
@click.option("--label", is_flag=True, default=None,
              help="Let people label spectra, at /label: you, or whom you invite.")  # fmt: skip
def serve(path: str, *, config: Path | None, **overrides: object) -> None:
    """Publish PATH by TAP, SSA and DataLink.

    PATH is a run's directory, a release (.duckdb), a folder of spectra, of which a release is made first, or
    the address of a PostgreSQL database that `vo-emline publish --database` has loaded.
    The first line of the output is the address.

    \b
    Examples:
      vo-emline serve demo-run/run
      vo-emline serve release.duckdb --port 0
      vo-emline serve demo-run/run --label
      vo-emline serve ~/spectra --public-url https://example.org/emline
      vo-emline serve postgresql://reader@db/emline
    """
    if "://" not in path and not Path(path).exists():
        raise click.BadParameter(f"{path} does not exist", param_hint="PATH")
    from service.processes import shared_nursery

    shared_nursery().start()  # it imports what queries need while this process imports the rest
    from service.server import run_server

    run_server(path, config=config, overrides=overrides)


@click.command("open")
@click.argument("paths", nargs=-1, required=True, metavar="FOLDER...",
                type=click.Path(exists=True, path_type=Path))  # fmt: skip
@click.option("--run", "run_directory", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="A run with a model of your own (default: the one that comes along).")  # fmt: skip
@click.option("--port", type=int, default=0, help="Port to listen on (default: a free one).")
@click.option("--no-browser", is_flag=True, help="Print the address and open nothing.")
def open_folder(paths: tuple[Path, ...], *, run_directory: Path | None, port: int, no_browser: bool) -> None:
    """Classify the spectra of FOLDER and look at them in the browser.

    Spectra of any layout that is known are classified, and a release of them is made in the cache, which is
    used again while no file changes. It is served for this computer only, until Ctrl-C; the first line of
    the output is the address.

    \b
    Examples:
      vo-emline open ~/spectra
      vo-emline open ~/spectra --run my-run --no-browser
    """
    from service.folder import classified_release
    from service.server import run_server
    from vo_emline.rundir import DEFAULT_MODEL, RunDirectory

    model = RunDirectory(run_directory).model if run_directory else DEFAULT_MODEL
    release = classified_release(paths, model=model, say=lambda text: click.echo(text, err=True))
    title = f"Spectra of {', '.join(path.resolve().name for path in paths)}"[:80]
    overrides = {"host": "127.0.0.1", "port": port, "title": title}
    run_server(str(release), config=None, overrides=overrides, ready=None if no_browser else _browse)


def _browse(url: str) -> None:
    """Open the browser, without waiting for it: one in a terminal lasts as long as it is looked at."""
    import threading
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(url,), name="browser", daemon=True).start()
