"""``vo-emline label queue``, ``export``, ``import``, ``agreement``, ``merge``: labels as data.

They work on the files beside a release, whether it is being served or not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from service.label_command import of_service

if TYPE_CHECKING:
    from vo_emline.labelling import LabelLog, Queues
    from vo_emline.labelling.making import Features, Kind

F = TypeVar("F", bound=Callable[..., Any])

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_KINDS: Final = (
    "audit", "uncertain", "surprising", "unlike-training", "random-positives", "mixed", "disagreement", "list"
)  # fmt: skip
_rule = click.option(
    "--rule", type=click.Choice(["majority", "unanimous", "latest"]), default="majority", show_default=True,
    help="How many must say the same: more than half, all, or whoever spoke last."
)  # fmt: skip
_expert = click.option(
    "--expert",
    "experts",
    multiple=True,
    metavar="NAME",
    help="Whose word goes before all others'. Repeatable.",
)


@click.group(short_help="Make, list and show queues.")
def queue() -> None:
    """Queues: what is to be labelled, in which order."""


@queue.command(short_help="Draw a queue from a release, survey or run.")
@click.argument("name", required=False)
@of_service
@click.option(
    "--kind",
    type=click.Choice(_KINDS),
    default="audit",
    show_default=True,
    help="audit estimates the quality of the catalogue, mixed is to learn from; see docs/labelling.md.",
)
@click.option("--size", type=click.IntRange(min=1), default=100, show_default=True, help="How many spectra.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The same seed gives the same queue of the same catalogue.",
)
@click.option(
    "--overlap",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="How many people are to see each spectrum.",
)
@click.option(
    "--allocation",
    type=click.Choice(["optimal", "equal"]),
    default="optimal",
    show_default=True,
    help="Of an audit: spectra per stratum.",
)
@click.option(
    "--measure",
    type=click.Choice(["entropy", "margin"]),
    default="entropy",
    show_default=True,
    help="Of uncertainty.",
)
@click.option(
    "--diverse/--one-by-one",
    default=True,
    show_default=True,
    help="Of the uncertain those that the network sees as unlike; reads ten files for each.",
)
@click.option(
    "--run",
    "run",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="RUN",
    help="The run whose network looks at them [default: the one that comes with the package].",
)
@click.option(
    "--names",
    type=click.Path(allow_dash=True, path_type=Path),
    metavar="FILE",
    help="A list: identifiers or files, one a line, or the first column of a CSV; - for standard input.",
)
@click.option("--adql", metavar="QUERY", help="A list: the rows that a query of the release gives, or @FILE.")
def make(
    name: str | None, *, run: Path | None, diverse: bool, names: Path | None, adql: str | None, **options: Any
) -> None:
    """Draw a queue from the release, survey or run that --release names, and keep it as NAME.

    \b
    Examples:
      vo-emline label queue make audit-1 --release my-survey --kind audit --size 600
      vo-emline label queue make learn-1 --release release.duckdb --kind mixed --size 200
      vo-emline label queue make hot --release release.duckdb \\
        --adql "SELECT obs_publisher_did FROM emline.candidates WHERE spectral_subclass LIKE 'B%'"

    What has a label already is not asked for again, but in an audit, a list or a disagreement. A service with
    `--label` shows the queue at once; without NAME it is called after its kind.
    """  # fmt: skip
    from vo_emline.cli.messages import remark
    from vo_emline.labelling.making import Making, make_queue, next_name
    from vo_emline.runs.publish import open_catalogue

    which = {key: options.pop(key) for key in ("place", "config", "state_directory")}
    place = _place(which)
    log, queues = _labels(which)
    options["kind"], listed = _listed(options["kind"], names, adql, place)
    features = _features(run) if diverse and options["kind"] in ("uncertain", "mixed") else None
    making = Making(
        **options, names=listed, labels=log.current(), features=features,
        parameters={"adql": adql} if adql else {},
    )  # fmt: skip
    wanted = name or next_name(making.kind, [queue.name for queue in queues.all()])
    with open_catalogue(place) as catalogue:
        made = make_queue(queues, catalogue, wanted, making)
        total = len(catalogue)
    if lacking := made.parameters.get("missing"):
        remark(f"{lacking} of {made.parameters['named']} names are not in {place}")
    remark(f"queue {made.name}: {made.size} of {total} spectra; to label: `vo-emline serve {place} --label`")


@queue.command("list", short_help="List the queues and how far they are.")
@of_service
def list_queues(**which: Any) -> None:
    """List the queues: name, kind, spectra, how many are labelled, seed, when it was made."""
    _, queues = _labels(which)
    for one in queues.all():
        done = queues.progress(one.name).labelled
        click.echo(
            f"{one.name}\t{one.kind}\t{one.size}\t{done} labelled\tseed {one.seed}\t{one.created[:10]}"
        )


@queue.command(short_help="Show what a queue was made of, and its spectra.")
@click.argument("name")
@of_service
def show(name: str, **which: Any) -> None:
    """Show what the queue NAME was made of, then its spectra, one a line: identifier, reason, file.

    What the catalogue says of them is not shown, so that whoever reads it can still label blind.
    """
    import json
    from dataclasses import asdict

    from vo_emline.cli.messages import remark

    _, queues = _labels(which)
    remark(json.dumps(asdict(queues.get(name)) | asdict(queues.progress(name)), indent=1))
    for item in queues.items(name):
        click.echo(f"{item.publisher_did}\t{item.reason}\t{item.file}")


@queue.command(short_help="Forget a queue; its labels stay.")
@click.argument("name")
@of_service
def remove(name: str, **which: Any) -> None:
    """Forget the queue NAME. The labels that were given in it stay."""
    _labels(which)[1].remove(name)


@click.command(short_help="Write labels for train, audit estimate, publish and other programs.")
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@of_service
@click.option(
    "--queue", "name", metavar="NAME", help="Only those of a queue, of which all spectra are listed."
)
@click.option(
    "--each", is_flag=True, help="One row per label, as it was given, instead of what people agree on."
)
@_rule
@_expert
def export(
    output: Path, *, name: str | None, each: bool, rule: Any, experts: tuple[str, ...], **which: Any
) -> None:
    """Write the labels to OUTPUT: .csv, .vot, .ecsv, .fits or .parquet.

    \b
    Examples:
      vo-emline label export labels.csv --release my-survey
      vo-emline train --from default --training mine/ --labels labels.csv --output refined
      vo-emline label export audit.csv --release my-survey --queue audit-1
      vo-emline audit estimate audit.csv
    """  # fmt: skip
    from vo_emline.cli.messages import remark
    from vo_emline.labelling.exchange import agreed_rows, each_row, write_export

    log, queues = _labels(which)
    items = queues.items(name) if name is not None else []
    if each:
        rows = each_row(log.labels(queue=name))
    else:
        files = items or [item for one in queues.all() for item in queues.items(one.name)]
        rows = agreed_rows(log.current(name), items, known=files, rule=rule, experts=experts)
    write_export(output, rows)
    remark(f"{len(rows)} {'labels' if each else 'spectra'} in {output}")


@click.command("import", short_help="Take labels of a file into the log.")
@click.argument("file", type=_FILE)
@of_service
@click.option("--labeller", default="", metavar="NAME", help="Who gave them, where the file does not say.")
def take_in(file: Path, *, labeller: str, **which: Any) -> None:
    """Take the labels of FILE into the log: an export with --each, or any table of spectra and labels.

    Spectra are named by publisher_did, or by id or file, which are looked up in what --release names. A label
    that is in the log already is not taken twice.
    """
    from vo_emline.cli.messages import remark
    from vo_emline.labelling.exchange import read_log

    log, _ = _labels(which)

    def find(names: Sequence[str]) -> dict[str, str]:
        from vo_emline.runs.publish import open_catalogue

        with open_catalogue(_place(which)) as catalogue:
            return catalogue.dids_of(names)

    labels = read_log(file, labeller=labeller, find=find)
    stored = log.append(labels)
    remark(f"{stored} labels taken, {len(labels) - stored} were known")


@click.command(short_help="How far people agree: Cohen's kappa.")
@click.argument("files", type=_FILE, nargs=-1, metavar="[FILE]...")
@of_service
@click.option("--queue", "name", metavar="NAME", help="Only labels of a queue.")
@click.option(
    "--level",
    type=click.Choice(["profile", "label", "emission"]),
    default="profile",
    show_default=True,
    help="What is compared: profiles, the three classes, or emission or none.",
)
def agreement(files: tuple[Path, ...], *, name: str | None, level: Any, **which: Any) -> None:
    """Compare every two people who have labelled the same spectra, in the log or in exports with --each."""
    from vo_emline.labelling.agreement import agreement as compare
    from vo_emline.labelling.agreement import merge
    from vo_emline.labelling.exchange import read_log
    from vo_emline.labelling.log import standing

    labels = (
        standing(merge({path.name: read_log(path, labeller=path.stem) for path in files}))
        if files
        else _labels(which)[0].current(name)
    )
    pairs = compare(labels, level=level)
    if not pairs:
        click.echo("no two people have labelled the same spectrum")
    for pair in pairs:
        low, high = pair.interval
        kappa = (
            "undefined" if pair.kappa != pair.kappa else f"{pair.kappa:.2f} (95 %: {low:.2f} to {high:.2f})"
        )
        click.echo(
            f"{pair.first}\t{pair.second}\t{pair.spectra} spectra\tagree {pair.agreed:.0%}\tkappa {kappa}"
        )


@click.command(short_help="Make one file of several exports.")
@click.argument("files", type=_FILE, nargs=-1, required=True, metavar="FILE...")
@click.option("--output", required=True, type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@click.option(
    "--agreed", is_flag=True, help="What people agree on, one row per spectrum, instead of each label."
)
@_rule
@_expert
def merge(
    files: tuple[Path, ...], *, output: Path, agreed: bool, rule: Any, experts: tuple[str, ...]
) -> None:
    """Make one file of the exports (with --each) of several logs, each label once."""
    from vo_emline.cli.messages import remark
    from vo_emline.labelling.agreement import merge as merged
    from vo_emline.labelling.exchange import agreed_rows, each_row, read_log, write_export
    from vo_emline.labelling.log import standing

    labels = merged({str(path): read_log(path, labeller=path.stem) for path in files})
    rows = agreed_rows(standing(labels), rule=rule, experts=experts) if agreed else each_row(labels)
    write_export(output, rows)
    remark(f"{len(rows)} {'spectra' if agreed else 'labels'} in {output}")


def _place(which: dict[str, Any]) -> Path:
    from vo_emline.errors import UserError

    if which["place"] is None or not Path(which["place"]).exists():
        raise UserError("say what the spectra are in: --release with a release, a survey or a run")
    return Path(which["place"])


def _labels(which: dict[str, Any]) -> tuple[LabelLog, Queues]:
    """Open the labels of a service, or of a survey that may be published and served later."""
    from service.app import label_directory
    from service.config import load
    from service.labelling.context import LABELS_FILE
    from vo_emline.errors import UserError
    from vo_emline.labelling import LabelLog, Queues
    from vo_emline.rundir import RunDirectory

    settings = load(which["config"], state_directory=which["state_directory"])
    release = which["place"] or ""
    if release and Path(release).is_dir():
        release = str(RunDirectory(Path(release)).release)
    if not (release or settings.label_state or settings.state_directory):
        raise UserError("say whose labels are meant: --release PATH, or --config with its label_state")
    log = LabelLog(label_directory(release, settings) / LABELS_FILE)
    return log, Queues(log)


def _listed(kind: Kind, names: Path | None, adql: str | None, place: Path) -> tuple[Kind, list[str]]:
    """Give the names of a list; a query or a file makes any queue one."""
    if names is not None and adql is not None:
        raise click.UsageError("--names or --adql, not both")
    if adql is not None:
        text = Path(adql[1:]).read_text(encoding="utf-8") if adql.startswith("@") else adql
        return "list", _asked(place, text)
    if names is not None:
        text = sys.stdin.read() if str(names) == "-" else names.read_text(encoding="utf-8-sig")
        return "list", names_in(text)
    if kind == "list":
        raise click.UsageError("a list needs --names or --adql")
    return kind, []


HEADS: Final = ("obs_publisher_did", "publisher_did", "candidate_id", "file", "path", "id", "name")
"""Columns by which spectra are named, the surest first."""


def names_in(text: str) -> list[str]:
    """Give the spectra that a text names: one a line, or a column of a CSV with a head.

    The column is the first of :data:`HEADS` that the head has. Blank lines and such as begin with # are no
    spectra.
    """
    import csv

    rows = [row for row in csv.reader(text.splitlines()) if row and row[0].strip() and row[0][0] != "#"]
    head = [cell.strip().lower() for cell in rows[0]] if rows else []
    column = next((head.index(name) for name in HEADS if name in head), None)
    if column is None:
        return [row[0].strip() for row in rows]
    return [row[column].strip() for row in rows[1:] if len(row) > column and row[column].strip()]


def _asked(place: Path, query: str) -> list[str]:
    """Give the spectra that a query of a release gives."""
    from service.config import Settings
    from service.store import open_store
    from service.urls import Urls
    from vo_emline.errors import UserError
    from vo_emline.rundir import RunDirectory

    release = place if place.is_file() else RunDirectory(place).release
    if not release.is_file():
        raise UserError(f"{place} has no release that a query could be asked of: vo-emline publish {place}")
    store = open_store(str(release), settings=Settings(), urls=Urls("http://localhost"))
    try:
        with store.lease() as opened:
            rows = opened.arrow(opened.compile(query).sql)
    finally:
        store.close()
    names = [name.lower() for name in rows.column_names]
    column = next((names.index(name) for name in HEADS if name in names), 0)
    return [str(value) for value in rows.column(column).to_pylist() if value is not None]


def _features(run: Path | None) -> Features:
    from vo_emline.labelling.features import features_of_files
    from vo_emline.rundir import DEFAULT_MODEL, RunDirectory

    return features_of_files(DEFAULT_MODEL if run is None else RunDirectory(run).model)


DATA: Final = (queue, export, take_in, agreement, merge)
"""The commands, for the group ``vo-emline label``."""
