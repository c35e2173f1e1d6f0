"""Classified spectra wherever they are kept, a release or the shards of a survey, read a batch at a time.

Whoever draws from a catalogue (audit, queues) goes through its numbers once, decides on rows, and asks for
these rows: 20 million spectra take the memory that a batch takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from vo_emline.arrays import IntArray
from vo_emline.candidates.columns import EPOCHS, OBJECTS, SCORES, SPECTRA
from vo_emline.candidates.database import connect, identifier, naming_damage
from vo_emline.candidates.release import open_shards
from vo_emline.candidates.rows import (
    AUTHORITY,
    SHARED,
    candidate_id_sql,
    identified_sql,
    plain_did_sql,
    short_sql,
)
from vo_emline.errors import UserError
from vo_emline.spectra.names import short_name
from vo_emline.tables import Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BATCH: Final = 100_000
"""Rows that are in the memory at a time."""

DETAILS: Final = ("publisher_did", "candidate_id", "file", "label", "score")
"""What is given of spectra that were asked for by row or by name."""

_DIGEST: Final = re.compile(r"\.[0-9a-f]{8}$")
"""What tells apart spectra that would have one publisher DID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """An open catalogue of classified spectra; its rows have one order, always the same.

    It does one thing at a time: go through the rows to the end before asking for some.
    """

    name: str
    """The release or folder, as the user named it."""
    model_version: str
    """Version of the network; empty where it is not known."""
    database: DuckDBPyConnection
    relation: str
    """Where the columns of the scores are."""
    authority: str | None
    """Authority of publisher DIDs of spectra that bring none; None where all rows have theirs."""

    def __len__(self) -> int:
        """Count the spectra."""
        return int(self.database.sql(f"SELECT count(*) FROM {self.relation}").fetchall()[0][0])  # noqa: S608

    @property
    def columns(self) -> frozenset[str]:
        """The names of the columns that :meth:`batches` can give."""
        return frozenset(self.database.sql(f"FROM {self.relation}").columns)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Go through all rows.

        Parameters
        ----------
        columns
            Which of :attr:`columns`.
        """
        names = ", ".join(map(identifier, columns))
        yield from self.database.sql(f"SELECT {names} FROM {self.relation}").to_arrow_reader(BATCH)  # noqa: S608

    def take(self, rows: IntArray, columns: Sequence[str] = ()) -> pa.Table:
        """Give some rows with their identifiers.

        Parameters
        ----------
        rows
            Their numbers in the order of :meth:`batches`, none twice, shape (k,).
        columns
            More columns that are wanted of them.

        Returns
        -------
        pyarrow.Table
            In the order of `rows`: :data:`DETAILS` and the columns. A spectrum of a survey has the publisher
            DID that a release of it has.
        """
        place = pa.array(range(len(rows)), pa.int64())
        wanted = pa.table({"place": place, "row": pa.array(rows, pa.int64())})
        numbered = f"(SELECT *, row_number() OVER () - 1 AS row FROM {self.relation})"  # noqa: S608
        self.database.register("wanted", wanted)
        self._pick(f"SELECT * EXCLUDE (row) FROM {numbered} JOIN wanted USING (row)")  # noqa: S608
        return self._details(columns, order="place")

    def find(self, names: Sequence[str]) -> tuple[pa.Table, list[str]]:
        """Find spectra by what people call them.

        Parameters
        ----------
        names
            Publisher DIDs, identifiers of candidates, files, or the last part of a DID or file, whatever its
            case and suffix.

        Returns
        -------
        found
            In the order of `names`, each spectrum once: columns of :data:`DETAILS`.
        missing
            The names that nothing has.
        """
        short = {short_name(name) for name in names}
        asked = pa.table({"name": pa.array(sorted(short | {_DIGEST.sub("", name) for name in short}))})
        self.database.register("asked", asked)
        self._pick(f"SELECT * FROM {self.relation} WHERE {self._likely(short)}")  # noqa: S608
        return _in_order(self._details(), names)

    def dids_of(self, names: Sequence[str]) -> dict[str, str]:
        """Give publisher DIDs by what people call spectra; names that are not of one are left out."""
        found, _ = self.find(names)
        by_name: dict[str, set[str]] = {}
        for row in found.select(["publisher_did", "candidate_id", "file"]).to_pylist():
            for value in filter(None, row.values()):
                for key in (value, short_name(value)):
                    by_name.setdefault(key, set()).add(row["publisher_did"])
        sets = {name: by_name.get(name.strip()) or by_name.get(short_name(name), set()) for name in names}
        return {name: next(iter(dids)) for name, dids in sets.items() if len(dids) == 1}

    def divided_stars(self, most: int, *, seed: int) -> pa.Table:
        """Give the spectra of stars of which some are called emission and others are not.

        Parameters
        ----------
        most
            Spectra at most; whole stars, chosen at random.
        seed
            The same seed gives the same ones.

        Returns
        -------
        pyarrow.Table
            ``row`` (see :meth:`batches`) and ``star``, a number; none where stars are not known.
        """
        empty = pa.table({"row": pa.array([], pa.int64()), "star": pa.array([], pa.int64())})
        if self.authority is not None or not self._has(EPOCHS):
            return empty
        order = f"md5(object_id || {int(seed)}), object_id"
        divided = (
            f"SELECT object_id, sum(n_spectra) OVER (ORDER BY {order}) AS total "  # noqa: S608 - our own texts
            f"FROM {OBJECTS.qualified_name} WHERE n_positive BETWEEN 1 AND n_spectra - 1"
        )
        sql = (
            "SELECT row, dense_rank() OVER (ORDER BY object_id) AS star FROM "  # noqa: S608
            f"(SELECT candidate_id, row_number() OVER () - 1 AS row FROM {self.relation}) "
            f"JOIN {EPOCHS.qualified_name} USING (candidate_id) "
            f"JOIN ({divided}) USING (object_id) WHERE total <= {int(most)} ORDER BY row"
        )
        found: pa.Table = self.database.sql(sql).to_arrow_reader().read_all()
        return found.cast(empty.schema)

    def _has(self, table: Table) -> bool:
        sql = "SELECT count(*) FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?"
        return bool(self.database.execute(sql, [table.schema, table.name]).fetchall()[0][0])

    def _likely(self, short: set[str]) -> str:
        """Give the condition on rows that may have one of the names in the relation ``asked``."""
        asked = "IN (SELECT name FROM asked)"
        plain = "obs_publisher_did" if self.authority is None else plain_did_sql(self.authority)
        ways = [f"{short_sql(plain)} {asked}"]
        if any(name.startswith("eml-") for name in short):
            own = "candidate_id" if self.authority is None else candidate_id_sql(plain)
            ways.append(f"lower({own}) {asked}")
        if self.authority is None:
            of_file = (
                f"SELECT obs_publisher_did FROM {SPECTRA.qualified_name} WHERE {short_sql('path')} {asked}"  # noqa: S608
            )
            ways.append(f"obs_publisher_did IN ({of_file})")
        else:
            ways.append(f"{short_sql('source')} {asked}")
        return " OR ".join(ways)

    def _pick(self, select: str) -> None:
        self.database.execute(f"CREATE OR REPLACE TEMP TABLE picked AS {select}")
        if self.authority is not None:
            plain = plain_did_sql(self.authority)
            self.database.execute(
                f"CREATE OR REPLACE TEMP TABLE {SHARED} AS SELECT did FROM "  # noqa: S608 - our own texts
                f"(SELECT {plain} AS did FROM {self.relation}) "
                f"WHERE did IN (SELECT {plain} FROM picked) GROUP BY 1 HAVING count(*) > 1"
            )

    def _details(self, columns: Sequence[str] = (), *, order: str = "file") -> pa.Table:
        """Give what is known of the rows that were picked."""
        if self.authority is None:
            files = f"(SELECT obs_publisher_did AS did, path AS file FROM {SPECTRA.qualified_name})"  # noqa: S608
            picked = "(SELECT *, obs_publisher_did AS did FROM picked)"
            named = f"({picked} LEFT JOIN {files} USING (did))"
        else:
            identified = f"({identified_sql('picked', authority=self.authority)})"
            own = candidate_id_sql("did")
            named = f"(SELECT *, {own} AS candidate_id, source AS file FROM {identified})"  # noqa: S608
        wanted = [
            "did AS publisher_did", "candidate_id", "file", "label", "CAST(score AS DOUBLE) AS score",
            *(identifier(name) for name in columns if name not in DETAILS),
        ]  # fmt: skip
        sql = f"SELECT {', '.join(wanted)} FROM {named} ORDER BY {order}"  # noqa: S608
        table: pa.Table = self.database.sql(sql).to_arrow_reader().read_all()
        return table


@contextmanager
def open_release(path: Path) -> Iterator[Classified]:
    """Open the classified spectra of a release.

    Raises
    ------
    UserError
        It is no release, or one of spectra that were not classified.
    """
    import duckdb

    facts = read_facts(path)
    with duckdb.connect(str(path), read_only=True) as database:
        try:
            database.sql(f"FROM {SCORES.qualified_name} LIMIT 0")
        except duckdb.CatalogException as error:
            raise UserError(f"{path} holds spectra, but none that were classified") from error
        yield Classified(
            name=str(path), model_version=facts.get("model_version", ""), database=database,
            relation=SCORES.qualified_name, authority=None,
        )  # fmt: skip


def read_facts(path: Path) -> dict[str, str]:
    """Read the facts that a release states of itself.

    Raises
    ------
    UserError
        It is no release.
    """
    import duckdb

    try:
        with duckdb.connect(str(path), read_only=True) as database:
            return dict(database.sql("SELECT key, value FROM internal.metadata").fetchall())
    except (duckdb.IOException, duckdb.CatalogException) as error:
        raise UserError(f"{path} is no release: {error}") from error


@contextmanager
def open_survey(
    directory: Path, *, folder: Path | None = None, authority: str = AUTHORITY, model_version: str = ""
) -> Iterator[Classified]:
    """Open the classified spectra of a survey.

    Parameters
    ----------
    directory
        Folder of the shards.
    folder
        From where relative paths of files start; by default the current folder.
    authority
        Authority under which the survey is, or would be, published.
    model_version
        Version of the network that classified it.

    Raises
    ------
    UserError
        It holds no shards, or a damaged one.
    """
    with connect() as database, naming_damage(directory):
        open_shards(database, directory, folder=folder or Path.cwd())
        yield Classified(
            name=str(directory), model_version=model_version, database=database, relation="described",
            authority=authority,
        )  # fmt: skip


def _in_order(found: pa.Table, names: Sequence[str]) -> tuple[pa.Table, list[str]]:
    """Put what was found in the order of the names; a name that is one spectrum's own means that one only."""
    rows: list[dict[str, Any]] = found.to_pylist()
    own: dict[str, list[int]] = {}
    short: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        for name in {row["publisher_did"], row["candidate_id"], row["file"]} - {None}:
            own.setdefault(name, []).append(number)
            short.setdefault(short_name(name), []).append(number)
    order: dict[int, None] = {}
    missing = []
    for name in names:
        numbers = own.get(name.strip()) or short.get(short_name(name)) or []
        order |= dict.fromkeys(numbers)
        if not numbers:
            missing.append(name)
    return found.take(pa.array(order, pa.int64())), missing
