"""``vo-emline query``: rows of a candidate service, on the terminal or in a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vo_emline.cli.messages import remark
from vo_emline.cli.selection import Selection, plain_warnings, read_adql, selection_options

if TYPE_CHECKING:
    from vo_emline.client import Candidates, Client


@click.command()
@selection_options
@click.option("--output", "-o", type=click.Path(path_type=Path), help=".csv, .vot, .parquet, .fits or .ecsv")
@click.option("--count", is_flag=True, help="Print the number of rows only.")
@click.option("--job", is_flag=True, help="Run as a job on the service: for queries of minutes or hours.")
def query(*, selection: Selection, output: Path | None, count: bool, job: bool) -> None:
    """Ask a candidate service, by ADQL or by class, score and position.

    ADQL is a query, "@FILE" or "-" for standard input. Rows go to the
    terminal as a table, into a pipe as CSV, or into a file by its suffix.

    \b
    Examples:
      vo-emline query --label double-peak --min-score 0.9
      vo-emline query --target "83.822 -5.391" --radius "10 arcmin" -o cone.vot
      vo-emline query --target "HR 3135" --radius "5 arcmin"
      vo-emline query "SELECT label, COUNT(*) AS n FROM emline.scores GROUP BY label"
      vo-emline query --job @long-query.adql -o result.parquet
    """
    if output is not None:
        _check_output(output)
    client = selection.connect()
    with plain_warnings():
        if count:
            click.echo(selection.count(client))
            return
        rows = _run_job(selection, client) if job else selection.run(client)
    _show(rows, output)


def _run_job(selection: Selection, client: Client) -> Candidates:
    if selection.adql is None:
        raise click.UsageError("--job needs a query in ADQL")
    submitted = client.submit(read_adql(selection.adql), maxrec=selection.limit)
    remark(f"job {submitted.url}")
    return submitted.result()


def _show(rows: Candidates, output: Path | None) -> None:
    if output is not None:
        rows.write(output)
        remark(f"{len(rows)} rows in {output}")
    elif sys.stdout.isatty():
        click.echo(repr(rows))
    else:
        click.echo(rows.to_csv(), nl=False)


def _check_output(output: Path) -> None:
    """Refuse a suffix or a place before the query runs."""
    from vo_emline.files import require_writable

    if output.suffix.lower() != ".csv":
        from vo_emline.candidates.output import output_writer  # slow to import

        output_writer(output)
    require_writable(output)
