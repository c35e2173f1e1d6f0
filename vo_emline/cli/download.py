"""``vo-emline download``: the spectra of a query as files."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from vo_emline.cli.selection import Selection, plain_warnings, selection_options
from vo_emline.errors import ArchiveError

FORMATS = ("votable", "fits", "csv", "tsv", "ecsv", "native")


@click.command()
@selection_options
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("spectra"),
    show_default=True,
    help="Folder for the files.",
)
@click.option(
    "--format", "-f", "file_format", type=click.Choice(FORMATS), default="votable", show_default=True,
    help="Format of the files; native is the original file.",
)  # fmt: skip
@click.option(
    "--parallel", type=click.IntRange(1, 16), default=4, show_default=True, help="Requests at a time."
)
def download(*, selection: Selection, output: Path, file_format: str, parallel: int) -> None:
    """Download the spectra of a query, several at a time.

    Files that are there already are left alone, so an interrupted download
    goes on where it stopped. The exit code is 3 when some could not be had.

    \b
    Examples:
      vo-emline download --label double-peak --min-score 0.95 -o be-stars
      vo-emline download --target "83.822 -5.391" --radius "1 deg" --format fits
      vo-emline download "SELECT TOP 100 * FROM emline.candidates WHERE snr_r > 50" -f native
    """
    with plain_warnings():
        rows = selection.run(selection.connect())
    report = rows.download(output, file_format=file_format, parallel=parallel)
    click.echo(f"{report} in {output}")
    for reject in report.rejects:
        click.echo(f"{reject.source}: {reject.message}", err=True)
    if report.rejects and not (report.saved or report.present):
        raise ArchiveError("not one spectrum could be had; the reasons are above", retry=True)
    if report.rejects:
        sys.exit(ArchiveError.exit_code)
