"""What the next data release costs on top of the last: files classified, release published, changes found.

``make bench-growth`` or ``python benchmarks/growth.py [--files N] [--rows N] [--folder DIR]``. A mirror of
simulated LAMOST files (each under many names) grows in steps; every step is classified on top of the one
before by ``vo-emline classify-survey --previous`` as a user starts it, the last one also anew. Then two
releases of made shards, of which one lacks spectra of the other, has new ones and other labels, are published
one on top of the other: what the table of changes takes, and whether it says what was done. Times are those
of the processor.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import click
import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from files import make_mirror
from objects import processor_seconds
from release import cost
from release_shards import write_shards

from vo_emline.files import write_json
from vo_emline.labels import LABELS
from vo_emline.rundir import SUMMARY
from vo_emline.simulate import write_lamost
from vo_emline.spectra import iter_spectra

STEPS: Final = (0.5, 0.75, 0.875, 1.0, 1.0)
"""Share of the files that there are at each data release; at the last one nothing is new."""
ORIGINALS: Final = 60
SHARD: Final = 10_000


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=24_000, help="files of the last release [%(default)s]")
    parser.add_argument("--rows", type=int, default=500_000, help="spectra of the first one [%(default)s]")
    parser.add_argument("--folder", type=Path, help="where to work [a folder that goes]")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        click.echo(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
        classified(Path(name), given.files)
        changed(Path(name), given.rows)


def classified(folder: Path, count: int) -> None:
    """Classify a mirror that grows; print what each step took, and what a new file and all others cost."""
    write_lamost(folder / "originals", n_stars=ORIGINALS, seed=1)
    files = [Path(name) for name in iter_spectra([folder / "originals"])]
    mirror = folder / "mirror"
    click.echo("| survey | files | read | s |\n|---|--:|--:|--:|")
    read, kept, seconds, before = [], [], [], 0
    for step, share in enumerate(STEPS):
        here = int(count * share)
        make_mirror(mirror / f"dr{step}", list(islice(cycle(files), here - before)), count=here - before)
        previous = ["--previous", str(folder / f"dr{step - 1}")] if step else []
        took = classifying(mirror, folder / f"dr{step}", previous)
        survey = "on top of the last" if step else "the first"
        click.echo(f"| {survey} | {here} | {here - before} | {took:.1f} |")
        if here > before:  # else the network is not even started
            read.append(here - before)
            kept.append(before)
            seconds.append(took)
        before = here
    took = classifying(mirror, folder / "anew", [])
    click.echo(f"| anew | {count} | {count} | {took:.1f} |")
    terms = np.stack([[*read, count], [*kept, 0], np.ones(len(read) + 1)], axis=1)
    each, other, start = np.linalg.lstsq(terms, np.array([*seconds, took]), rcond=None)[0]
    click.echo(
        f"\n{1000 * each:.2f} ms for a file that is read, {1000 * other:.2f} ms for one that is taken over, "
        f"{start:.1f} s for the start\n"
    )


def classifying(mirror: Path, output: Path, more: list[str]) -> float:
    """Classify files as a user does; give the time of the processor."""
    command = [sys.executable, "-m", "vo_emline", "--quiet", "classify-survey", str(mirror), "--workers", "1"]
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost([*command, "--output", str(output), *more], output / SUMMARY)
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime


def changed(folder: Path, rows: int) -> None:
    """Publish two releases on top of each other; print what the changes took, and whether they are right."""
    write_shards(folder / "one", rows, size=SHARD)
    expected = next_release(folder / "one", folder / "two", rows)
    published(folder / "one", folder / "one.duckdb", previous=None)
    took, everything = published(folder / "two", folder / "two.duckdb", previous=folder / "one.duckdb")
    with duckdb.connect(str(folder / "two.duckdb"), read_only=True) as database:
        found = dict(database.sql("SELECT change, count(*) FROM emline.changes GROUP BY 1").fetchall())
    right = "as made" if found == expected else f"not as made: {expected}"
    click.echo(
        f"{rows} spectra on top of as many: changes {took:.1f} s of {everything:.1f} s for the release; "
        f"{found}, {right}"
    )
    if found != expected:
        raise SystemExit(1)


def next_release(one: Path, two: Path, rows: int) -> dict[str, int]:
    """Make the survey after another: its first shard gone, labels of the second turned, a new shard.

    Returns
    -------
    dict
        How many candidates changed in each way.
    """
    shutil.copytree(one, two)
    counts: Counter[str] = Counter()
    counts["withdrawn"] = candidates(pq.read_table(two / "scores-000000.parquet"))
    for kind in ("scores", "rejects"):
        (two / f"{kind}-000000.parquet").unlink()
    turned = pq.read_table(two / "scores-000001.parquet")
    labels = ["emission" if label == LABELS[0] else LABELS[0] for label in turned["label"].to_pylist()]
    place = turned.column_names.index("label")
    turned = turned.set_column(place, turned.schema.field(place), pa.array(labels, pa.string()))
    pq.write_table(turned, two / "scores-000001.parquet")
    counts["label changed"] = len(turned)
    added = rows // SHARD
    write_shards(two / "more", rows + SHARD, size=SHARD)
    for kind in ("scores", "rejects"):
        (two / "more" / f"{kind}-{added:06d}.parquet").rename(two / f"{kind}-{added:06d}.parquet")
    shutil.rmtree(two / "more")
    counts["appeared"] = candidates(pq.read_table(two / f"scores-{added:06d}.parquet"))
    classes: Counter[str] = Counter()
    for path in two.glob("scores-*.parquet"):
        classes.update(pq.read_table(path, columns=["label"])["label"].to_pylist())
    write_json(two / SUMMARY, json.loads((two / SUMMARY).read_text()) | {"classes": dict(classes)})
    return dict(counts)


def candidates(scores: pa.Table) -> int:
    """Count the rows that are no absorption."""
    return sum(label != LABELS[0] for label in scores["label"].to_pylist())


def published(survey: Path, release: Path, *, previous: Path | None) -> tuple[float, float]:
    """Publish a survey; give the time of its changes, and of all."""
    from vo_emline.candidates import Provenance, release_survey
    from vo_emline.candidates import release as module

    seconds: list[float] = []
    draft: Callable[..., Any] = module.draft_changes

    def timed(*given: Any, **named: Any) -> Any:
        start = processor_seconds()
        facts = draft(*given, **named)
        seconds.append(processor_seconds() - start)
        return facts

    module.draft_changes = timed
    start = processor_seconds()
    try:
        release_survey(release, survey, provenance=Provenance(run_id=survey.name), previous=previous)
    finally:
        module.draft_changes = draft
    return sum(seconds), processor_seconds() - start


if __name__ == "__main__":
    main()
