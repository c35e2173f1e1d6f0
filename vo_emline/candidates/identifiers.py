"""Identifiers of spectra and candidates: stable, unique, free of paths.

They are made by SQL expressions (DuckDB), because a release has millions of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import Final

from vo_emline.candidates.quoting import literal

AUTHORITY: Final = "x-vo-emline.local"
"""Authority of publisher DIDs until a data centre registers its own (IVOA Identifiers 2.0, section 2.1)."""

SHARED: Final = "shared_dids"
"""Relation whose only column ``did`` holds the publisher DIDs that several spectra would have."""

_SUFFIX: Final = r"(\.(fits?|fit|vot|xml|csv|txt|asc|dat))?(\.gz)?$"
_UNSAFE: Final = r"[^A-Za-z0-9_.-]+"


def stem(source: str) -> str:
    """Give the file name without its suffixes, safe inside an identifier."""
    return re.sub(_UNSAFE, "-", re.sub(_SUFFIX, "", PurePath(source).name, flags=re.IGNORECASE)) or "spectrum"


def plain_did_sql(authority: str) -> str:
    """Give SQL for the publisher DID of a spectrum that has one name in the whole survey.

    A spectrum that brings one keeps it; the others get ``ivo://AUTHORITY/~?survey/stem``.

    Parameters
    ----------
    authority
        Authority to publish under.

    Returns
    -------
    str
        Expression over ``source``, ``survey`` and ``publisher_did``.
    """
    root = literal(f"ivo://{authority}/~?")
    survey = f"coalesce(nullif(trim(lower({_safe('survey')}), '-'), ''), 'spectra')"
    name = f"regexp_replace(parse_filename(source), {literal(_SUFFIX)}, '', 'i')"
    made = f"{root} || {survey} || '/' || coalesce(nullif({_safe(name)}, ''), 'spectrum')"
    return f"CASE WHEN publisher_did <> '' THEN publisher_did ELSE {made} END"


def identified_sql(relation: str, *, authority: str) -> str:
    """Give SQL for the rows of `relation` with one column more, ``did``: the publisher DID.

    Where several spectra would have the same (one file name in two folders),
    a digest of the path tells them apart. The relation :data:`SHARED` must exist.
    """
    named = f"SELECT *, {plain_did_sql(authority)} AS plain_did FROM {relation}"  # noqa: S608 - our names
    apart = "plain_did || '.' || left(sha256(absolute_path(source)), 8)"
    did = f"CASE WHEN plain_did IN (SELECT did FROM {SHARED}) THEN {apart} ELSE plain_did END"  # noqa: S608
    return f"SELECT * EXCLUDE (plain_did), {did} AS did FROM ({named})"  # noqa: S608


def shared_dids_sql(relation: str, *, authority: str) -> str:
    """Give SQL for the publisher DIDs that several rows of `relation` would have.

    Digests of all are counted, and only the names of equal ones are compared: text of millions of rows
    would fill the memory.
    """
    did = plain_did_sql(authority)
    twice = f"SELECT hash({did}) FROM {relation} GROUP BY 1 HAVING count(*) > 1"  # noqa: S608 - no user input
    return (
        f"SELECT {did} AS did FROM {relation} WHERE hash({did}) IN ({twice}) GROUP BY 1 HAVING count(*) > 1"  # noqa: S608
    )


def candidate_id_sql(did: str) -> str:
    """Give SQL for the short identifier under which the service knows a spectrum.

    ``EML-`` and 16 hex digits of a digest of the publisher DID: of 20 million, two are the same with a chance
    of one in 10⁵.

    Parameters
    ----------
    did
        Expression of the publisher DID.
    """
    return f"'EML-' || left(sha256({did}), 16)"


def candidate_ids(dids: Sequence[str]) -> list[str]:
    """Give the short identifiers of some spectra (see :func:`candidate_id_sql`)."""
    import duckdb

    sql = f"SELECT {candidate_id_sql('did')} FROM (SELECT unnest(?::VARCHAR[]) AS did)"  # noqa: S608
    with duckdb.connect() as database:
        return [row[0] for row in database.execute(sql, [list(dids)]).fetchall()]


def _safe(expression: str) -> str:
    return f"regexp_replace({expression}, {literal(_UNSAFE)}, '-', 'g')"
