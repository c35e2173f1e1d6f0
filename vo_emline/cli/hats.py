"""``vo-emline hats``: a release as a HATS catalogue for LSDB."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Write a release as a HATS catalogue, for LSDB.")
@click.argument("release", type=click.Path(exists=True, path_type=Path), metavar="RUN")
@click.option(
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The catalogue; an older one is replaced.",
)
@click.option(
    "--table",
    type=click.Choice(["candidates", "scores", "objects"]),
    default="scores",
    show_default=True,
    help="Only spectra with emission, all that were classified, or the stars.",
)
@click.option("--nested", is_flag=True, help="Of objects: every star with all its spectra in its row.")
@click.option(
    "--rows",
    type=click.IntRange(min=1),
    default=500_000,
    show_default=True,
    help="Most rows of one file: a HEALPix pixel with more is divided into four.",
)
def hats(*, release: Path, output: Path, table: str, rows: int, nested: bool) -> None:
    """Write the candidates, all scores, or the stars of RUN as a HATS catalogue.

    RUN is a directory with a release.duckdb, or the release itself.

    \b
    Examples:
      vo-emline hats my-run --output lamost-halpha
      python -c "import lsdb; print(lsdb.open_catalog('lamost-halpha').cone_search(83.6, 22.0, 3600))"

    \b
    Stars with their spectra as a nested column, and the equivalent widths of each:
      vo-emline hats my-run --output lamost-stars --table objects --nested
      python -c "import lsdb; print(lsdb.open_catalog('lamost-stars', columns=['spectra.ew']).head())"

    LSDB cross-matches the catalogue with Gaia and other large catalogues, piece by piece and in parallel.
    Needs: pip install 'vo-emline[hats]' (and lsdb to use it).
    """
    from vo_emline.candidates.columns import CANDIDATES, OBJECTS, SCORES
    from vo_emline.candidates.hats import write_hats
    from vo_emline.cli.messages import remark
    from vo_emline.rundir import RunDirectory

    file = RunDirectory(release).release if release.is_dir() else release
    chosen = {one.name: one for one in (CANDIDATES, SCORES, OBJECTS)}[table]
    summary = write_hats(file, output, table=chosen, rows_per_partition=rows, nested=nested)
    remark(f"{summary.rows} rows in {summary.partitions} files in {output}")
    if summary.without_position:
        remark(f"{summary.without_position} rows have no position and are left out")
