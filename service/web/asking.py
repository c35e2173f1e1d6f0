"""How a page asks: in ADQL, by the machinery of TAP, within the limits of any other query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, Final

import pyarrow as pa

from service.deadline import Deadline
from service.formats import VOTABLE
from service.store import Release
from service.tap.context import TapServices
from service.tap.request import TapRequest

_ROWS: Final = replace(VOTABLE, encode=None)
"""Rows as they are, not encoded where they are made: the page writes them."""

PAGE_SECONDS: Final = 20.0
"""How long the rows of a page may take, s; less where the service allows queries less."""


def ask(
    context: TapServices, adql: str, *, limit: int, seconds: float = PAGE_SECONDS
) -> list[dict[str, Any]]:
    """Answer a query in ADQL.

    Parameters
    ----------
    context
        The service.
    adql
        The query; it may be made of what a stranger typed.
    limit
        Rows at most.
    seconds
        Time limit.

    Returns
    -------
    list of dict
        The rows, by the names of their columns.

    Raises
    ------
    UserError
        The query is wrong, or needs more time or memory than a query may have.
    """
    deadline = Deadline.after(min(seconds, context.settings.sync_seconds))
    request = TapRequest(query=adql, format=_ROWS, maxrec=limit)
    with context.queries.query(request, deadline=deadline) as query:
        result = query.run()
        names = [column.name for column in result.columns]
        return [row for batch in result.rows() for row in _rows(batch.columns, names)]


def ask_within(
    context: TapServices, release: Release, adql: str, *, within: Callable[[str], str], seconds: float
) -> pa.Table | None:
    """Answer a question of ours about the rows of a query in ADQL.

    Parameters
    ----------
    context
        The service.
    release
        The release that is asked; leased by the caller.
    adql
        The query; it may be made of what a stranger typed.
    within
        Writes our SQL around that of the query.
    seconds
        Time limit.

    Returns
    -------
    pyarrow.Table or None
        The rows; None where there are none.

    Raises
    ------
    UserError
        The query is wrong, or needs more time or memory than a query may have.
    """
    deadline = Deadline.after(min(seconds, context.settings.sync_seconds))
    sql = within(release.compile(adql).sql)
    with closing(release.run(deadline=deadline)) as running:
        batches = list(running.start(sql, uploads={}))
        return pa.Table.from_batches(batches) if batches else None


def _rows(columns: Sequence[Any], names: Sequence[str]) -> list[dict[str, Any]]:
    values = zip(*(column.to_pylist() for column in columns), strict=True)
    return [dict(zip(names, row, strict=True)) for row in values]
