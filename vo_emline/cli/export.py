"""``vo-emline export``: the tables of a release as VizieR and journals want them."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Write a release as a catalogue for VizieR, or tables for a journal.")
@click.argument("release", type=click.Path(exists=True, path_type=Path), metavar="RUN")
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder for the files.",
)
@click.option(
    "--vizier", "form", flag_value="vizier", default=True, help="A ReadMe and .dat files [default]."
)
@click.option(
    "--cds-mrt", "form", flag_value="mrt", help="Machine-readable tables, each with its description."
)
@click.option("--title", default="Emission-line stars", show_default=True, help="Title of the catalogue.")
def export(*, release: Path, output: Path, form: str, title: str) -> None:
    """Write candidates, stars, what catalogues call them and what changed as text of fixed width.

    RUN is a directory with a release.duckdb, or the release itself. Creators, DOI and licence are those that
    `vo-emline publish` was told.

    \b
    Examples:
      vo-emline export release.duckdb --vizier --output catalogue
      vo-emline export release.duckdb --cds-mrt --output tables
      python -c "from astropy.io import ascii; print(ascii.read('tables/candidates.mrt'))"
    """
    from vo_emline.candidates.cds import export as write
    from vo_emline.cli.messages import remark
    from vo_emline.rundir import RunDirectory

    file = RunDirectory(release).release if release.is_dir() else release
    for name, rows in write(file, output, form="vizier" if form == "vizier" else "mrt", title=title).items():
        remark(f"{rows:10d}  rows in {output / name}")
