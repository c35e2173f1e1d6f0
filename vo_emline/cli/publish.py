"""``vo-emline publish``: from a classified survey to the release that the service publishes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vo_emline.cli.options import known_option

if TYPE_CHECKING:
    from vo_emline.candidates import ReleaseCounts


@click.command(short_help="Build the release of a survey; load it into PostgreSQL.")
@click.argument("directory", type=click.Path(exists=True, path_type=Path), metavar="DIR")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The release [default: release.duckdb in DIR]. One that is being served is exchanged.",
)
@click.option(
    "--database",
    metavar="URL",
    help="Load the tables into PostgreSQL too: postgresql://user@host/name, or the words of libpq.",
)
@known_option
@click.option(
    "--previous",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The release before: stars keep its identifiers, changes are told [default: the one replaced].",
)
@click.option("--creator", "creators", multiple=True, metavar="NAME", help="Who made it. May be repeated.")
@click.option("--licence", default="", help="Licence of the data: CC-BY-4.0, CC0-1.0, …, or its address.")
@click.option("--doi", default="", help="DOI of this release, where it has one.")
@click.option("--data-release", default="", metavar="NAME", help="What this release is called (DR2).")
@click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Publish labels of people too, as table emline.labels: what `vo-emline label export` wrote.",
)
@click.option("--authority", help="Authority of the publisher identifiers (ivo://AUTHORITY/…).")
@click.option(
    "--relative-to",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="From where relative paths of the spectra start [default: where the survey was classified].",
)
@click.option("--memory", default="4GB", show_default=True, help="Memory for sorting; beyond it the disk.")
@click.option("--threads", type=click.IntRange(min=0), default=0, help="Threads [default: one per core].")
def publish(
    *,
    directory: Path,
    output: Path | None,
    database: str | None,
    known: tuple[str, ...],
    previous: Path | None,
    creators: tuple[str, ...],
    licence: str,
    doi: str,
    data_release: str,
    labels: Path | None,
    authority: str | None,
    folder: Path | None,
    memory: str,
    threads: int,
) -> None:
    """Build the release of a classified survey, check it, and put it in place in one step.

    DIR is what `vo-emline run` or `vo-emline classify-survey` wrote; with --database also a release file.

    \b
    Examples:
      vo-emline publish my-survey
      vo-emline publish my-survey --known zhang2022 --output /srv/emline/release.duckdb
      vo-emline publish my-survey --creator "A. Author" --licence CC-BY-4.0 --doi 10.5281/zenodo.1
      vo-emline publish my-survey/release.duckdb --database postgresql://loader@db/emline

    A running `vo-emline serve` changes over to the new release without a pause. Interrupted at any moment,
    the old release stays; the same command again makes the new one.
    """
    from vo_emline.candidates import Limits
    from vo_emline.candidates.citation import stated
    from vo_emline.cli.messages import remark
    from vo_emline.runs.publish import RELEASE_SUFFIX, find_publication
    from vo_emline.runs.publish import publish as publish_survey

    if directory.is_file() and directory.suffix == RELEASE_SUFFIX:
        if database is None:
            raise click.UsageError(f"{directory} is a release already; --database says where to load it")
        release = directory
    else:
        publication = find_publication(directory)
        release = output or publication.release
        remark(f"building {release}")
        counts = publish_survey(
            publication,
            output=output,
            known=known,
            labels=labels,
            authority=authority,
            folder=folder,
            limits=Limits(memory=memory, threads=threads),
            previous=previous,
            said=stated(creators=creators, licence=licence, doi=doi, data_release=data_release),
        )
        _report(release, counts, labelled=labels is not None)
    if database is not None:
        from vo_emline.candidates.postgres import load_postgres

        for name, rows in load_postgres(release, database).items():
            remark(f"{rows:12d}  rows in {name}")


def _report(release: Path, counts: ReleaseCounts, *, labelled: bool) -> None:
    """Say what a release holds, which files it lacks, and how it is published."""
    from vo_emline.cli.messages import remark
    from vo_emline.runs.publish import missing_files, published_labels

    remark(f"{counts.inputs:12d}  spectra")
    remark(f"{counts.candidates:12d}  candidates")
    remark(f"{counts.scores - counts.candidates:12d}  others")
    remark(f"{counts.rejects:12d}  rejects")
    if labelled:
        remark(f"{published_labels(release):12d}  spectra with labels of people")
    if missing := missing_files(release):
        remark(f"not found: {missing[0]} and others; the service cannot give them (--relative-to?)")
    remark(f"{release}: publish it with `vo-emline serve {release}`")
