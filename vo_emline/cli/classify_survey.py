"""``vo-emline classify-survey``: millions of spectra, to be left alone for a night."""

from __future__ import annotations

import re
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vo_emline.cli.fetch import query_options
from vo_emline.cli.options import (
    STANDARD_INPUT,
    run_option,
    scoring,
    shard_size_option,
    standard_input,
    survey_overrides,
    workers_option,
)

if TYPE_CHECKING:
    from vo_emline.survey import SurveySummary, Tally


class Part(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4 only
    """``i/n``: the i-th of n parts."""

    name = "I/N"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Read ``2/5``."""
        found = re.fullmatch(r"(\d+)/(\d+)", str(value))
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            self.fail(f"{value!r} is no part; give I/N with I from 1 to N, such as 2/5", param, ctx)
        return int(found[1]), int(found[2])


@click.command("classify-survey", short_help="Classify millions of spectra, resumable.")
@click.argument("source", nargs=-1, required=True, metavar="SOURCE...")
@run_option
@click.option(
    "--output",
    "-o",
    required=True,
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory of the survey; started again, the command goes on where it stood.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only the first N inputs (of a store: as many whole shards as hold them).",
)
@click.option(
    "--shard",
    "part",
    type=Part(),
    help="Only part I of N, for N machines that share DIR; the last step is --finish.",
)
@click.option(
    "--finish",
    is_flag=True,
    help="Classify nothing: check what the machines did, and write candidates and summary.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Classify nothing: count, measure a small sample here, and say what it will cost.",
)
@click.option(
    "--previous",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="The survey before: rows of files that have not changed are taken over, the others are read.",
)
@workers_option
@shard_size_option
@click.option(
    "--predict",
    "place",
    type=click.Choice(["auto", "here", "workers"]),
    default="auto",
    show_default=True,
    help="Where the network runs: in this process (GPU), or in every worker (CPU).",
)
@scoring
@click.option(
    "--since",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="SURVEY",
    help="A survey of the same spectra by the model that --run was refined from: only scores that can change "
    "are computed again, and DIR/changes.csv says what did.",
)
@click.option(
    "--dask",
    metavar="ADDRESS",
    help="Work on a Dask cluster: tcp://HOST:PORT, a scheduler file, or local:N for N processes here.",
)
@query_options
@click.option("--where", metavar="ADQL", help="With tap:ARCHIVE, a condition on the archive's table.")
def classify_survey(
    *,
    source: tuple[str, ...],
    run_directory: Path | None,
    output: Path,
    finish: bool,
    dry_run: bool,
    dask: str | None,
    **options: Any,
) -> None:  # fmt: skip
    """Classify any number of spectra into shards of scores and a table of candidates.

    \b
    Examples:
      vo-emline classify-survey lamost/ --dry-run --output dr7          what will it cost?
      vo-emline classify-survey lamost/ --output dr7                    start, and start again after anything
      vo-emline classify-survey lamost-store --run my-run --output dr7  from a store of `vo-emline ingest`
      vo-emline classify-survey list.txt --output night-1               files named in a list, or in a table
      find . -name 'spec*' | vo-emline classify-survey - --output all   files named by standard input
      vo-emline classify-survey lamost/ --output dr8 --previous dr7     the next release on top of the last
      vo-emline classify-survey lamost-store --run refined --since dr7 --output dr7-refined   what changed?
      vo-emline classify-survey ssa:ondrejov --target "gam Cas" --output gam-cas
      vo-emline classify-survey tap:ondrejov --where "ssa_snr > 50" --output ondrejov

    \b
    On three machines that share a folder, one of these each; then, on any of them, the last line:
      vo-emline classify-survey /shared/lamost --output /shared/dr7 --shard 1/3
      vo-emline classify-survey /shared/lamost --output /shared/dr7 --shard 2/3
      vo-emline classify-survey /shared/lamost --output /shared/dr7 --shard 3/3
      vo-emline classify-survey /shared/lamost --output /shared/dr7 --finish

    SOURCE is files, folders searched to the bottom, lists of files, or one store of windows; ssa:ARCHIVE and
    tap:ARCHIVE query an archive (a name of `vo-emline fetch archives`, or an address), download what it has
    into DIR/spectra, and classify that.

    DIR gets scores-*.parquet and rejects-*.parquet, one pair per shard, and when all shards are done
    candidates.parquet, candidates.vot and summary.json. Every input is a row of scores or of rejects, which
    is checked. A run that was killed, or whose disk was full, goes on when the same command is given again,
    and ends with the same bytes. sessions/ tells host, time and rate of every start.
    """
    from vo_emline.cli.messages import remark, remark_passed_over
    from vo_emline.rundir import DEFAULT_MODEL, RunDirectory
    from vo_emline.runs.settings import survey_options
    from vo_emline.survey import Start, finish_survey
    from vo_emline.survey import classify_survey as classify
    from vo_emline.survey.counts import describe
    from vo_emline.survey.growth import read_growth
    from vo_emline.survey.sources import read_passed_over

    if finish and (options["part"] or dry_run):
        raise click.UsageError("--finish goes alone: it is the last step after all parts")
    if options["since"] and options["previous"]:
        raise click.UsageError("--since is for another model, --previous for other files; give one of them")
    model = RunDirectory(run_directory).model if run_directory else DEFAULT_MODEL
    chosen = survey_options(run_directory, survey_overrides(options))
    start = Start(
        limit=options["limit"],
        part=options["part"],
        place=options["place"],
        previous=options["previous"],
        since=options["since"],
    )
    if dry_run:
        _dry_run(source, output, model=model, options=chosen, start=start)
        return
    paths = _paths(source, output, options)
    if finish:
        found: SurveySummary | Tally = finish_survey(paths, output, model=model, options=chosen, start=start)
    else:
        with _workers(dask, output, reads=[model, *paths]) as executor:
            found = classify(
                paths, output, model=model, options=chosen, start=start, executor=executor, say=remark
            )
    if growth := read_growth(output):
        remark(f"{growth.kept:10d}  taken over from {growth.previous}; {growth.gone} of it are gone")
    remark_passed_over(read_passed_over(output), width=10)
    remark(describe(found, output))
    if start.since is not None and start.part is None:
        _tell_changes(start.since, output)


def _tell_changes(before: Path, output: Path) -> None:
    """Write what became of each spectrum, and say how many of each kind."""
    from pyarrow import csv

    from vo_emline.cli.messages import remark
    from vo_emline.files import atomic_path
    from vo_emline.survey.rescoring import count_changes, what_changed

    changed = what_changed(before, output)
    path = output / "changes.csv"
    with atomic_path(path) as temporary:
        csv.write_csv(changed, temporary)
    counts = ", ".join(f"{number} {name}" for name, number in count_changes(changed).items())
    remark(f"since {before}: {counts}; {path}")


def _workers(dask: str | None, output: Path, *, reads: list[Path]) -> AbstractContextManager[Executor | None]:
    """Give the workers of a cluster, where one was asked for."""
    from vo_emline.survey.cluster import dask_workers

    return dask_workers(dask, writes=output, reads=reads) if dask else nullcontext()


def _paths(source: tuple[str, ...], output: Path, options: dict[str, Any]) -> list[Path]:
    """Give the paths of the source; those of an archive are downloaded first."""
    from vo_emline.survey.sources import FILE_NAME

    services = [name for name in source if re.match(r"(ssa|tap):", name)]
    if not services:
        return [standard_input() if name == STANDARD_INPUT else Path(name) for name in source]
    if len(source) > 1:
        raise click.UsageError("an archive cannot be joined with files or another archive; give it alone")
    folder = output / "spectra"
    if not (output / FILE_NAME).is_file():  # afterwards the list of files is fixed
        _download(services[0], folder, options)
    return [folder]


def _download(service: str, folder: Path, options: dict[str, Any]) -> None:
    from vo_emline.archives import FetchOptions, SpectrumRequest, TapQuery, archives, fetch_spectra
    from vo_emline.cli.fetch import ssa_query
    from vo_emline.cli.messages import remark
    from vo_emline.errors import ArchiveError

    protocol, _, name = service.partition(":")
    archive = archives().find_ssa(name)
    request = SpectrumRequest(calibration=archive.calibration)
    wanted = TapQuery(options["where"]) if protocol == "tap" else ssa_query(options)
    fetching = FetchOptions(request=request, limit=options["limit"])
    report = fetch_spectra(archive, wanted, folder, options=fetching)
    remark(report.summary())
    if not report.complete:
        raise ArchiveError(
            f"{report.retryable} spectra are still to come: give the same command again; "
            f"or classify what there is: vo-emline classify-survey {folder} --output …",
            retry=True,
        )


def _dry_run(source: tuple[str, ...], output: Path, *, model: Path, options: Any, start: Any) -> None:
    from vo_emline.survey.estimate import estimate

    if any(re.match(r"(ssa|tap):", name) for name in source):
        raise click.UsageError("--dry-run is for spectra that are here; fetch those of an archive first")
    found = estimate([Path(name) for name in source], output, model=model, options=options, start=start)
    click.echo(found.text())
