"""``vo-emline registry``: the records by which a service is found, written and checked."""

from __future__ import annotations

from pathlib import Path

import click

from vo_emline.errors import UserError
from vo_emline.rundir import RunDirectory


@click.command()
@click.argument("release", metavar="RELEASE")
@click.option("--config", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Settings of the service, TOML.")  # fmt: skip
@click.option("--public-url", help="Address users see.")
@click.option("--authority", help="Authority under which it is registered [default: that of the release].")
@click.option("--contact", help="Mail address of the publisher.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), default=Path("registry-records"),
              show_default=True, help="Folder for the records.")  # fmt: skip
def registry(release: str, *, config: Path | None, output: Path, **overrides: str | None) -> None:
    """Write the registry records of the service that publishes RELEASE, and check them.

    RELEASE is a release.duckdb, a directory that has one, or the address of a PostgreSQL database.

    The records are those that the service hands out at /oai: organisation, authority, registry, and the
    service with its capabilities, tables and coverage. With STILTS (`stilts` on the path) its
    schemas are asked, too. A placeholder authority (x-…) is refused: nothing can be registered under it.

    \b
    Examples:
      vo-emline registry release.duckdb --authority org.example --contact vo@example.org \\
          --public-url https://example.org/emline
      vo-emline registry release.duckdb --config service.toml --output records
    """
    from service.registry.files import write_records
    from service.store import is_database

    place = release if is_database(release) else str(release_file(Path(release)))
    for path, checked in write_records(place, output, config=config, overrides=overrides):
        click.echo(f"{path}  {checked}")


def release_file(path: Path) -> Path:
    """Give the release in a directory, or the file itself, after seeing that something is in it.

    Raises
    ------
    UserError
        There is none.
    """
    file = RunDirectory(path).release if path.is_dir() else path
    if not file.is_file():
        raise UserError(f"there is no release {file}: `vo-emline publish SURVEY --output {file}` makes one")
    if not file.stat().st_size:
        raise UserError(
            f"{file} is empty: what made it was stopped, or the disk was full; "
            f"`vo-emline publish SURVEY --output {file}` makes it anew"
        )
    return file
