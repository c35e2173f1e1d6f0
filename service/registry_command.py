"""``vo-emline registry``: the records by which a service is found, written and checked."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("release", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--config", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Settings of the service, TOML.")  # fmt: skip
@click.option("--public-url", help="Address users see.")
@click.option("--authority", help="Authority under which it is registered [default: that of the release].")
@click.option("--contact", help="Mail address of the publisher.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), default=Path("registry-records"),
              show_default=True, help="Folder for the records.")  # fmt: skip
def registry(release: Path, *, config: Path | None, output: Path, **overrides: str | None) -> None:
    """Write the registry records of the service that publishes RELEASE, and check them.

    They are those that the service hands out at /oai: organisation, authority, registry, and the service with
    its capabilities, tables and coverage. With STILTS (`stilts` on the path) its
    schemas are asked, too. A placeholder authority (x-…) is refused: nothing can be registered under it.

    \b
    Examples:
      vo-emline registry release.duckdb --authority org.example --contact vo@example.org \\
          --public-url https://example.org/emline
      vo-emline registry release.duckdb --config service.toml --output records
    """
    from service.registry.files import write_records

    for path, checked in write_records(release, output, config=config, overrides=overrides):
        click.echo(f"{path}  {checked}")
