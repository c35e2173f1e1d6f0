"""A release in PostgreSQL, as ``vo-emline publish --database`` loads it.

Every query has a transaction of its own, which reads only, with limits of time and memory; what
comes with it is a temporary table of that transaction. Tables are named, never held: where the
loader exchanges their schemas, the next query reads the new ones.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

import psycopg
import pyarrow as pa
from psycopg import errors

from service.adql import POSTGRESQL_SETUP
from service.adql.names import quoted
from service.config import Settings, bytes_of
from service.deadline import Deadline
from service.errors import INTERNAL, FaultError
from service.store import tap_schema
from service.store.opening import require_columns
from service.store.release import Release
from service.store.running import BATCH_ROWS, TOO_LARGE, RunningQuery
from service.store.store import ReleaseStore
from service.urls import Urls
from vo_emline.candidates.citation import Citation
from vo_emline.candidates.columns import CUTOUTS, PUBLISHED, SPECTRA
from vo_emline.candidates.database import literal
from vo_emline.candidates.obscore import OBSCORE
from vo_emline.candidates.postgres import LOADED, TYPES, csv_rows
from vo_emline.errors import ArchiveError, DataError, EmlineError, UserError
from vo_emline.tables import Column, Table

LEAST_WORK: Final = 4
"""MB of memory that a sort or join may have at least."""

REPEAT_SECONDS: Final = 0.2
"""How often a query is told to stop until it has ended."""

_ARROW: Final[dict[int, pa.DataType]] = {
    16: pa.bool_(), 21: pa.int16(), 23: pa.int32(), 20: pa.int64(), 700: pa.float32(), 701: pa.float64(),
    1000: pa.list_(pa.bool_()), 1005: pa.list_(pa.int16()), 1007: pa.list_(pa.int32()),
    1016: pa.list_(pa.int64()), 1021: pa.list_(pa.float32()), 1022: pa.list_(pa.float64()),
}  # fmt: skip
"""Arrow type of each type of PostgreSQL, by its identifier; all others are text."""

_SQL: Final[dict[pa.DataType, str]] = {
    pa.bool_(): "boolean", pa.int8(): "int2", pa.uint8(): "int2", pa.int16(): "int2", pa.int32(): "int4",
    pa.int64(): "int8", pa.float32(): "float4", pa.float64(): "float8",
}  # fmt: skip
_PLACE: Final = re.compile(r"'(?:[^']|'')*'|%|\?|\$([A-Za-z_]\w*)")


class PostgresRelease(Release):
    """An open release in PostgreSQL.

    Parameters
    ----------
    url
        Connection string.
    settings
        Limits.
    urls
        Addresses for the computed columns.

    Raises
    ------
    DataError
        The database cannot be reached, or holds no release.
    """

    dialect = "postgresql"
    index = SPECTRA.qualified_name

    def __init__(self, url: str, *, settings: Settings, urls: Urls) -> None:
        self._url = url
        self._urls = urls
        places = settings.queries + settings.workers
        self._work = max(LEAST_WORK, bytes_of(settings.memory) // places // 2**20)
        self._idle: list[psycopg.Connection] = []
        self._lock = threading.Lock()
        try:
            self._open()
        except psycopg.Error as error:
            self.close()
            raise DataError(shown(url), "not_a_release", _reason(error)) from error
        except DataError:
            self.close()
            raise

    def arrow(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> pa.Table:
        """Answer a query of the service itself."""
        try:
            with self.connection() as connection, connection.cursor(binary=True) as cursor:
                if parameters:
                    cursor.execute(_placed(sql), parameters)
                else:
                    cursor.execute(sql)
                names = _names(cursor)
                return pa.Table.from_batches([_batch(cursor.fetchall(), cursor, names)])
        except psycopg.OperationalError as error:
            raise ArchiveError(f"the database cannot be asked: {_reason(error)}") from error

    def run(self, *, deadline: Deadline) -> RunningQuery:
        """Prepare to run one compiled query."""
        return _Running(self, deadline=deadline, work=self._work)

    def close(self) -> None:
        """Close the connections that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def take(self) -> psycopg.Connection:
        """Give a connection; hand it back by :meth:`give_back`."""
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if not connection.closed:
                    return connection
        return psycopg.connect(self._url, application_name="vo-emline", connect_timeout=10)

    def give_back(self, connection: psycopg.Connection) -> None:
        """Keep a connection for the next query, unless it is broken."""
        try:
            connection.rollback()
        except psycopg.Error:
            connection.close()
            return
        with self._lock:
            self._idle.append(connection)

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection]:
        """Lend a connection for the length of a ``with`` block."""
        connection = self.take()
        try:
            yield connection
        finally:
            self.give_back(connection)

    def _open(self) -> None:
        with self.connection() as connection:
            present = {
                f"{schema}.{name}"
                for schema, name in connection.execute("SELECT schemaname, tablename FROM pg_tables")
            }
            if SPECTRA.qualified_name not in present:
                message = (
                    f"it has no table {SPECTRA.qualified_name}; load one with `vo-emline publish --database`"
                )
                raise DataError(shown(self._url), "not_a_release", message)
            _require_functions(connection, shown(self._url))
            facts = connection.execute("SELECT key, value FROM internal.metadata").fetchall()
            self.metadata = dict(facts)
            self.cutouts = CUTOUTS.qualified_name if CUTOUTS.qualified_name in present else None
            data = (*(table for table in PUBLISHED if table.qualified_name in present), OBSCORE)
            columns = connection.execute(
                "SELECT table_schema || '.' || table_name || '.' || column_name "
                "FROM information_schema.columns"
            )
            try:
                require_columns(data[:-1], {name for (name,) in columns})
            except DataError as error:
                raise DataError(shown(self._url), error.code, error.message) from error
            self.tables = (*data, *tap_schema.TAP_SCHEMA)
            counts = {}
            for table in data:
                source = SPECTRA if table is OBSCORE else table
                row = connection.execute(f"SELECT count(*) FROM {source.qualified_name}").fetchone()  # noqa: S608
                counts[table.qualified_name] = int(row[0]) if row else 0
        rows = tap_schema.rows(self.tables, about=Citation.of(self.metadata).summary)
        self.counts = counts | {
            table.qualified_name: len(rows[table.name]) for table in tap_schema.TAP_SCHEMA
        }

    def _sources(self) -> Mapping[str, str]:
        return self._read_as

    @cached_property
    def _read_as(self) -> Mapping[str, str]:
        """What stands for each published table: its stored columns and those that are computed."""
        rows = tap_schema.rows(self.tables, about=Citation.of(self.metadata).summary)
        found = {}
        for table in self.tables:
            if table in tap_schema.TAP_SCHEMA:
                found[table.qualified_name] = values_sql(table, rows[table.name])
            else:
                source = SPECTRA if table is OBSCORE else table
                items = ", ".join(_item(column, self._urls) for column in table.columns)
                found[table.qualified_name] = f"(SELECT {items} FROM {source.qualified_name})"  # noqa: S608
        return found


LOOK_S: Final = 2.0
"""How often the database is asked whether it holds a newer release, at most."""


class DatabaseStore(ReleaseStore):
    """A release in PostgreSQL; the loader exchanges it.

    Parameters
    ----------
    url
        Connection string.
    settings
        Limits.
    urls
        Addresses for the computed columns.

    Raises
    ------
    DataError
        The database cannot be reached, or holds no release.
    """

    def __init__(self, url: str, *, settings: Settings, urls: Urls) -> None:
        self._url = url
        self._settings = settings
        self._urls = urls
        self._seen, self._looked = "", -LOOK_S
        super().__init__()

    @property
    def published(self) -> datetime:
        """When the release was loaded; now where the database does not say."""
        with self.lease() as release:
            loaded = release.metadata.get(LOADED)
        return datetime.fromisoformat(loaded) if loaded else datetime.now(UTC)

    def _open(self) -> Release:
        return PostgresRelease(self._url, settings=self._settings, urls=self._urls)

    def _stamp(self) -> str:
        now = time.monotonic()
        if now - self._looked >= LOOK_S:
            self._looked = now
            self._seen = self._ask()
        return self._seen

    def _ask(self) -> str:
        """Give the identity of the loaded tables."""
        try:
            with psycopg.connect(self._url, connect_timeout=5) as connection:
                found = connection.execute("SELECT to_regclass('internal.metadata')::oid").fetchone()
        except psycopg.Error as error:
            raise DataError(shown(self._url), "missing", _reason(error)) from error
        return str(found and found[0])


class _Running(RunningQuery):
    def __init__(self, release: PostgresRelease, *, deadline: Deadline, work: int) -> None:
        super().__init__(deadline=deadline)
        self._release = release
        self._work = work
        self._connection = release.take()
        self._timer = _timer(deadline.remaining(), self.stop, "time")

    def _read(self, sql: str, uploads: Mapping[str, pa.Table]) -> Generator[pa.RecordBatch, None, None]:
        connection = self._connection
        connection.execute(f"SET TRANSACTION {'READ WRITE' if uploads else 'READ ONLY'}")
        milliseconds = max(1, int(self._deadline.remaining() * 1000))
        for setting in (
            f"statement_timeout = {milliseconds}", f"idle_in_transaction_session_timeout = {milliseconds}",
            f"work_mem = '{self._work}MB'", "cursor_tuple_fraction = 1.0",
        ):  # fmt: skip
            connection.execute(f"SET LOCAL {setting}")
        for name, table in uploads.items():
            _create_upload(connection, name, table)
        connection.execute("SET LOCAL transaction_read_only = on")
        with connection.cursor("answer", binary=True) as cursor:
            cursor.execute(sql)
            names = _names(cursor)
            while rows := cursor.fetchmany(BATCH_ROWS):
                yield _batch(rows, cursor, names)

    def _interrupt(self) -> None:
        # a statement that is just about to begin would miss a single word
        self._timer.cancel()
        self._connection.cancel()
        self._timer = _timer(REPEAT_SECONDS, self.stop)

    def _free(self) -> None:
        self._timer.cancel()
        self._release.give_back(self._connection)

    def _explain(self, error: Exception) -> EmlineError | None:
        if isinstance(error, errors.QueryCanceled):
            return UserError(f"the query ran into the time limit of {self._deadline.seconds:g} s")
        if isinstance(error, (errors.OutOfMemory, errors.DiskFull, errors.ConfigurationLimitExceeded)):
            return UserError(TOO_LARGE)
        if isinstance(error, psycopg.DataError):
            return UserError(f"the query failed: {_reason(error)}")
        return FaultError(INTERNAL) if isinstance(error, (psycopg.Error, pa.ArrowException)) else None


def _timer(seconds: float, action: Callable[..., None], *arguments: str) -> threading.Timer:
    timer = threading.Timer(seconds, action, args=arguments)
    timer.daemon = True
    timer.start()
    return timer


def _require_functions(connection: psycopg.Connection, name: str) -> None:
    """See that the database has what compiled queries call."""
    wanted = re.findall(r"FUNCTION (\w+)\(", POSTGRESQL_SETUP)
    found = connection.execute("SELECT proname FROM pg_proc WHERE proname = ANY(%s)", [[*wanted, "q3c_join"]])
    missing = {*wanted, "q3c_join"} - {row[0] for row in found}
    if missing:
        raise DataError(
            name, "not_a_release",
            f"it has no functions {', '.join(sorted(missing))}; make them as docs/publish.md says",
        )  # fmt: skip


def _create_upload(connection: psycopg.Connection, name: str, table: pa.Table) -> None:
    """Put the rows that come with a query into a temporary table of its transaction."""
    columns = ", ".join(f"{quoted(field.name)} {_type(field.type)}" for field in table.schema)
    try:
        connection.execute(f"CREATE TEMPORARY TABLE {quoted(name)} ({columns}) ON COMMIT DROP")
    except (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction) as error:
        raise UserError("this service takes no uploads: its role may not make temporary tables") from error
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {quoted(name)} FROM STDIN (FORMAT csv, ENCODING 'UTF8')") as copy:
            for batch in table.to_batches(BATCH_ROWS):
                copy.write(csv_rows(_flat(batch)))
        cursor.execute(f"ANALYZE {quoted(name)}")


def _type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        return f"{_type(kind.value_type)}[]"
    return _SQL.get(kind, "text")


def _flat(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Write lists as PostgreSQL reads them."""
    columns = [
        pa.array([None if value is None else _list_text(value) for value in column.to_pylist()], pa.string())
        if pa.types.is_list(column.type) or pa.types.is_fixed_size_list(column.type) else column
        for column in batch.columns
    ]  # fmt: skip
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _list_text(values: Iterable[object]) -> str:
    return "{" + ",".join("NULL" if value is None else str(value) for value in values) + "}"


def _names(cursor: psycopg.Cursor[Any]) -> list[str]:
    return [item.name for item in cursor.description or ()]


def _batch(rows: Sequence[tuple[Any, ...]], cursor: psycopg.Cursor[Any], names: list[str]) -> pa.RecordBatch:
    """Make a batch of rows, in the types that the database gives."""
    kinds = [_ARROW.get(item.type_code, pa.string()) for item in cursor.description or ()]
    columns = zip(*rows, strict=True) if rows else ((),) * len(kinds)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=names)


def _item(column: Column, urls: Urls) -> str:
    if column.computed is None:
        return quoted(column.name)
    expression = column.computed.replace("{base_url}", urls.base.replace("'", "''"))
    return f"CAST({expression} AS {TYPES[column.datatype]}) AS {quoted(column.name)}"


def values_sql(table: Table, rows: Sequence[Mapping[str, Any]]) -> str:
    """Give a query that gives `rows`, in the types of `table`."""
    names = ", ".join(quoted(column.name) for column in table.columns)
    if not rows:
        items = ", ".join(f"CAST(NULL AS {TYPES[column.datatype]})" for column in table.columns)
        return f"(SELECT * FROM (SELECT {items} WHERE false) AS every({names}))"  # noqa: S608
    # The first row says the types of all.
    first = [f"CAST({_value(rows[0].get(each.name))} AS {TYPES[each.datatype]})" for each in table.columns]
    others = [[_value(row.get(column.name)) for column in table.columns] for row in rows[1:]]
    lines = ", ".join(f"({', '.join(line)})" for line in (first, *others))
    return f"(SELECT * FROM (VALUES {lines}) AS every({names}))"  # noqa: S608


def _value(value: object) -> str:
    if value is None:
        return "NULL"
    return literal(value) if isinstance(value, str) else str(value)


def _placed(sql: str) -> str:
    """Write parameters as psycopg wants them."""

    def change(match: re.Match[str]) -> str:
        text = match.group()
        if text == "?":
            return "%s"
        return f"%({match[1]})s" if match[1] else text.replace("%", "%%")

    return _PLACE.sub(change, sql)


def _reason(error: Exception) -> str:
    """Give the first line of what the database says."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def shown(url: str) -> str:
    """Give a connection string without what is secret in it."""
    try:
        facts = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        return "the database"
    where = facts.get("host") or "localhost"
    return f"postgresql://{where}/{facts.get('dbname') or facts.get('user') or ''}"
