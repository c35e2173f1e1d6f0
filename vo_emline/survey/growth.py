"""The next data release on top of the last: what is unchanged is taken over, and only the rest is read.

A file is unchanged where the survey before has a row for it, it is as long as it was then, and it was not
written to since that survey began. Rows of unchanged files become shards of their own, numbered after those
that are to do, so that everything that reads a survey finds them; files that are gone are left out.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from vo_emline.candidates.database import Limits, absolute_paths, connect, literal
from vo_emline.errors import UserError
from vo_emline.files import write_json
from vo_emline.rundir import SUMMARY
from vo_emline.spectra.parts import file_of
from vo_emline.survey.counts import SESSIONS, ShardCounts
from vo_emline.survey.scores import REJECTS_SCHEMA, SCORES_SCHEMA
from vo_emline.survey.shards import Shard, ShardStore, read_manifest

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

GROWTH: Final = "growth.json"
"""Account of what was taken over, in the directory of a survey."""

_BATCH: Final = 50_000
_COMMON: Final = ("model_sha256", "preprocess", "options")
"""Facts of a survey on which a row depends beside its file."""
_LISTED: Final = pa.schema(
    [
        ("place", pa.int64()),
        ("name", pa.binary()),
        ("path", pa.string()),
        ("size", pa.int64()),
        ("old", pa.bool_()),
    ]
)
_WORK: Final = ".growth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What was taken over from a survey."""

    previous: str
    """Its directory."""
    previous_run_id: str
    kept: int
    """Inputs whose rows were taken over, scores and rejects."""
    to_do: int
    """Inputs that are to be read."""
    gone: int
    """Inputs of the survey before that are not among those of this one."""
    first_shard: int
    """Number of the first shard of rows that were taken over."""
    shards: int
    """How many."""

    def counts(self, store: ShardStore) -> Iterator[ShardCounts]:
        """Count the shards that were taken over."""
        for number in range(self.first_shard, self.first_shard + self.shards):
            yield store.counts(number)


def read_growth(directory: Path) -> Growth | None:
    """Read what a survey took over; None where it did not begin with another one.

    Raises
    ------
    UserError
        The account is damaged.
    """
    path = directory / GROWTH
    if not path.is_file():
        return None
    try:
        return Growth(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}); begin the survey anew in another directory") from error


def require_alike(previous: Path, facts: dict[str, Any]) -> None:
    """See that the rows of a survey are what this program would make again.

    Parameters
    ----------
    previous
        Directory of the survey before.
    facts
        Of this one: model and settings.

    Raises
    ------
    UserError
        It is not finished, is of a store of windows, or of another model or other settings.
    """
    if not (previous / SUMMARY).is_file():
        raise UserError(f"{previous} holds no finished survey (there is no {SUMMARY}): finish it first")
    before = read_manifest(previous)
    if differing := [name for name in _COMMON if before.get(name) != facts.get(name)]:
        raise UserError(
            f"{previous} was classified with different {', '.join(differing)}: its rows cannot be taken "
            "over; leave out --previous to classify everything"
        )


def take_over(
    names: Callable[[], Iterable[str]], directory: Path, *, previous: Path, shard_size: int
) -> Iterator[str]:
    """Take over the rows of unchanged files; give the names of the others, in order.

    Parameters
    ----------
    names
        Names all files of this survey.
    directory
        Of this survey; gets the shards and the account.
    previous
        Directory of the survey before.
    shard_size
        Rows per shard.

    Raises
    ------
    UserError
        A shard of the survey before is damaged.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with _working(directory / _WORK) as database:
        _list(database, names(), _began(previous))
        _open_previous(database, previous)
        database.execute(
            "CREATE TABLE kept AS SELECT l.place, l.name, p.row, p.kind FROM listed l JOIN before p "
            "ON l.path = p.path AND l.old AND (p.size IS NULL OR p.size = l.size)"
        )
        to_do = _count(database, "listed") - _count(database, "kept")
        first = -(-to_do // shard_size)
        shards = _write_kept(database, ShardStore(directory), first=first, size=shard_size)
        gone = "SELECT count(*) FROM before ANTI JOIN listed USING (path)"
        growth = Growth(
            previous=str(previous.absolute()),
            previous_run_id=str(read_manifest(previous).get("run_id", "")),
            kept=_count(database, "kept"),
            to_do=to_do,
            gone=int(database.sql(gone).fetchall()[0][0]),
            first_shard=first,
            shards=shards,
        )
        write_json(directory / GROWTH, asdict(growth))
        left = database.sql("SELECT name FROM listed ANTI JOIN kept USING (place) ORDER BY place")
        for batch in left.to_arrow_reader(_BATCH):
            yield from map(os.fsdecode, batch.column(0).to_pylist())


@contextmanager
def _working(folder: Path) -> Iterator[DuckDBPyConnection]:
    """Give a database in memory, which may spill into `folder` and leaves nothing there."""
    try:
        with connect(limits=Limits(), spill=folder) as database:
            yield database
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _began(previous: Path) -> float:
    """Give the time at which a survey was begun, s since 1970: its first session."""
    sessions = sorted(previous.glob(f"{SESSIONS}/*.json"))
    if not sessions:
        raise UserError(f"{previous} does not say when it was classified: its {SESSIONS}/ is empty")
    record = json.loads(sessions[0].read_text(encoding="utf-8"))
    return datetime.fromisoformat(record["began"]).timestamp()


def _folder(previous: Path) -> str:
    """Give the folder from which relative names of a survey start."""
    last = max(previous.glob(f"{SESSIONS}/*.json"))
    return str(json.loads(last.read_text(encoding="utf-8")).get("folder", Path.cwd()))


def _list(database: DuckDBPyConnection, names: Iterable[str], began: float) -> None:
    """List the files with size, and whether they were there when the survey before began."""
    database.execute("CREATE TABLE listed (place BIGINT, name BLOB, path VARCHAR, size BIGINT, old BOOLEAN)")
    left = enumerate(names)
    while piece := list(islice(left, _BATCH)):
        rows = [_looked_at(place, name, began) for place, name in piece]
        table = pa.Table.from_pylist(rows, _LISTED)
        paths = absolute_paths(table["path"].combine_chunks())
        database.register("piece", table.set_column(2, _LISTED.field("path"), paths))
        database.execute("INSERT INTO listed FROM piece")
        database.unregister("piece")


def _looked_at(place: int, name: str, began: float) -> dict[str, Any]:
    """Give a row of the list; a name that is no UTF-8, or a file that is not there, is read anew."""
    row = {"place": place, "name": os.fsencode(name), "path": None, "size": None, "old": False}
    try:
        name.encode("utf-8")
        found = os.stat(file_of(name))  # noqa: PTH116 - millions of them
    except (UnicodeEncodeError, OSError):
        return row
    return row | {"path": name, "size": found.st_size, "old": found.st_mtime < began}


def _open_previous(database: DuckDBPyConnection, previous: Path) -> None:
    """Make the rows of a survey readable as ``before_scores`` and ``before_rejects``, where as ``before``."""
    start = literal(f"{_folder(previous)}/")
    path = f"absolute_path(CASE WHEN starts_with(source, '/') THEN source ELSE {start} || source END)"
    for kind in ("scores", "rejects"):
        files = [literal(str(each)) for each in sorted(previous.glob(f"{kind}-*.parquet"))]
        database.execute(
            f"CREATE VIEW before_{kind} AS SELECT *, file_row_number AS nth, filename AS shard, "  # noqa: S608
            f"{path} AS path FROM read_parquet([{', '.join(files)}], filename = true, file_row_number = true)"
        )
    # of a file that was named twice one row is enough
    database.execute(
        "CREATE TABLE before AS SELECT path, any_value(kind) AS kind, any_value(size) AS size, "
        "any_value(row) AS row FROM ("
        "SELECT path, 'scores' AS kind, file_size AS size, {shard: shard, nth: nth} AS row "
        "FROM before_scores UNION ALL "
        "SELECT path, 'rejects', NULL, {shard: shard, nth: nth} FROM before_rejects) GROUP BY path"
    )


def _write_kept(database: DuckDBPyConnection, store: ShardStore, *, first: int, size: int) -> int:
    """Write the rows that are taken over as shards, numbered from `first` on; give their number."""
    rejects = _kept_rows(database, "rejects", REJECTS_SCHEMA).read_all()
    number = first
    for batch in _even(_kept_rows(database, "scores", SCORES_SCHEMA), size):
        store.write(Shard(number, len(batch)), scores=batch, rejects=rejects)
        rejects = REJECTS_SCHEMA.empty_table()
        number += 1
    if len(rejects):
        store.write(Shard(number, len(rejects)), scores=SCORES_SCHEMA.empty_table(), rejects=rejects)
        number += 1
    return number - first


def _kept_rows(database: DuckDBPyConnection, kind: str, schema: pa.Schema) -> pa.RecordBatchReader:
    """Give the rows of one kind that are taken over, named as they are now, in the order of the list."""
    columns = ", ".join(
        "decode(k.name) AS source" if name == "source" else f'b."{name}"' for name in schema.names
    )
    return database.sql(
        f"SELECT {columns} FROM before_{kind} b JOIN kept k ON k.row.shard = b.shard AND k.row.nth = b.nth "  # noqa: S608
        f"WHERE k.kind = '{kind}' ORDER BY k.place"
    ).to_arrow_reader(_BATCH)


def _even(reader: pa.RecordBatchReader, size: int) -> Iterator[pa.Table]:
    """Give rows in tables of `size`, the last one shorter, columns of the scores in their types."""
    held: list[pa.RecordBatch] = []
    for batch in reader:
        held.append(batch)
        while sum(map(len, held)) >= size:
            whole = pa.Table.from_batches(held).combine_chunks()
            yield whole.slice(0, size).cast(SCORES_SCHEMA)
            held = whole.slice(size).to_batches()
    if sum(map(len, held)):
        yield pa.Table.from_batches(held).cast(SCORES_SCHEMA)


def _count(database: DuckDBPyConnection, relation: str) -> int:
    return int(database.sql(f"SELECT count(*) FROM {relation}").fetchall()[0][0])  # noqa: S608 - names of ours
