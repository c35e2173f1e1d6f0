"""The commands of the service: ``vo-emline serve`` and ``vo-emline adql``. Imported quickly, working late."""

from __future__ import annotations

from pathlib import Path

import click

from service.adql_command import adql

__all__ = ["adql", "serve"]


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
@click.option("--workers", type=int, help="Asynchronous jobs that run at the same time.")
def serve(path: str, *, config: Path | None, **overrides: object) -> None:
    """Publish PATH by TAP, SSA and DataLink.

    PATH is a run's directory, a release (.duckdb), a folder of spectra, of which a release is made first, or
    the address of a PostgreSQL database that `vo-emline publish --database` has loaded.
    The first line of the output is the address.

    \b
    Examples:
      vo-emline serve demo-run
      vo-emline serve release.duckdb --port 0
      vo-emline serve ~/spectra --public-url https://example.org/emline
      vo-emline serve postgresql://reader@db/emline
    """
    from service.server import run_server

    if "://" not in path and not Path(path).exists():
        raise click.BadParameter(f"{path} does not exist", param_hint="PATH")
    run_server(path, config=config, overrides=overrides)
