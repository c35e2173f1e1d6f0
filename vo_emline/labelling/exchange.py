"""Labels as files: what people agree on, and the whole log, out and in.

Two tables have one row per spectrum or one per label. The first is what ``vo-emline train``, ``audit
estimate`` and ``publish`` take; the second goes from one log to another and loses nothing.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import pyarrow as pa

from vo_emline.candidates.columns import PEOPLE_SAY
from vo_emline.candidates.output import arrow_schema, write_table
from vo_emline.errors import UserError
from vo_emline.labelling.agreement import Consensus, Rule, consensus
from vo_emline.labelling.log import FIELDS, Label, standing
from vo_emline.labelling.queues import QueueItem
from vo_emline.labels import BY_PROFILE, LABELS, UNKNOWN, parse_profile
from vo_emline.spectra.names import short_name
from vo_emline.tables import Column, Table


def _text(name: str, description: str, ucd: str) -> Column:
    return Column(name=name, datatype="unicodeChar", arraysize="*", ucd=ucd, description=description)


_SPECTRUM: Final = (
    _text("id", "Last part of the file or identifier of the spectrum", "meta.id;meta.main"),
    _text("publisher_did", "Publisher dataset identifier of the spectrum", "meta.ref.ivoid"),
)

AGREED: Final = Table(
    schema="exchange", name="agreed",
    description="What people say of spectra together, one row per spectrum",
    columns=(
        *_SPECTRUM,
        *PEOPLE_SAY,
        _text("comment", "What they wrote", "meta.note"),
        _text("file", "File of the spectrum, where it is known", "meta.id;meta.file"),
        Column(name="score", datatype="double", ucd="stat.probability",
               description="Probability of emission that the catalogue gives"),
        _text("predicted", "Class that the catalogue gives", "src.class"),
        _text("stratum", "Stratum of an audit; empty for others", "meta.code"),
        Column(name="stratum_size", datatype="long", ucd="meta.number",
               description="Spectra of the catalogue in the stratum"),
        Column(name="weight", datatype="double", ucd="stat.weight",
               description="Spectra of the catalogue that this one stands for"),
    ),
)  # fmt: skip
"""The first table; a row of a queue that nobody has labelled has an empty label."""

EACH: Final = Table(
    schema="exchange", name="label_log",
    description="Labels of people as they were given, one row per label",
    columns=(
        *_SPECTRUM,
        _text("label", f"Class: {', '.join(LABELS)}; unknown where the profile has none", "src.class"),
        _text("profile", f"What was said: {', '.join(BY_PROFILE)}; empty where taken back", "src.class"),
        _text("labeller", "Who said it", "meta.id;meta.curation"),
        Column(name="quality", datatype="short", ucd="meta.code.qual",
               description="How sure: 1 guess, 2 likely, 3 sure"),
        _text("comment", "What they wrote", "meta.note"),
        _text("labelled_at", "When, UTC", "time.creation"),
        Column(name="seconds", datatype="double", unit="s", ucd="time.duration", description="Time taken"),
        Column(name="blind", datatype="short", ucd="meta.code",
               description="1 where the prediction was hidden until then"),
        _text("view", "What was looked at", "meta.code"),
        _text("model_version", "Version of the network at that time", "meta.version"),
        _text("predicted", "Class that it gave", "src.class"),
        _text("queue", "Queue that it was asked for in", "meta.id"),
        _text("label_id", "Identifier of the label", "meta.id"),
        _text("undoes", "Identifier of the label that this one takes back", "meta.id"),
        _text("received_at", "When the log stored it, UTC", "time.creation"),
    ),
)  # fmt: skip
"""The second table."""


def agreed_rows(
    labels: Iterable[Label],
    items: Sequence[QueueItem] = (),
    *,
    known: Sequence[QueueItem] = (),
    rule: Rule = "majority",
    experts: Collection[str] = (),
) -> pa.Table:
    """Make rows of :data:`AGREED`.

    Parameters
    ----------
    labels
        The labels that stand.
    items
        Of the queue that they were asked for in: all are listed, in their order, labelled or not.
    known
        Items of any queue, for the files of spectra.
    rule, experts
        See :func:`~vo_emline.labelling.agreement.consensus`.
    """
    files = {item.publisher_did: item.file for item in known if item.file}
    said = {each.publisher_did: each for each in consensus(labels, rule=rule, experts=experts)}
    asked = {item.publisher_did: item for item in items}
    rows = [
        _agreed(did, asked.get(did), said.get(did), files.get(did, ""))
        for did in (*asked, *(did for did in said if did not in asked))
    ]
    return pa.Table.from_pylist(rows, arrow_schema(AGREED))


def each_row(labels: Iterable[Label]) -> pa.Table:
    """Make rows of :data:`EACH`, one for every label, undone and undoing ones among them."""
    rows = [
        label.to_json()
        | {
            "id": short_name(label.publisher_did),
            "label": (BY_PROFILE[label.profile].label or UNKNOWN) if label.profile else "",
            "blind": int(label.blind),
        }
        for label in labels
    ]
    return pa.Table.from_pylist(rows, arrow_schema(EACH))


def write_export(path: Path, rows: pa.Table) -> None:
    """Write rows of one of the two tables in one step; the suffix chooses the format.

    Raises
    ------
    UserError
        The suffix is none that can be written.
    """
    write_table(rows, path, description=EACH if "label_id" in rows.column_names else AGREED)


def read_log(
    path: Path, *, labeller: str = "", find: Callable[[Sequence[str]], Mapping[str, str]] | None = None
) -> list[Label]:
    """Read labels of a file: a log of ours, or a table that anybody made.

    Parameters
    ----------
    path
        CSV, VOTable, FITS, ECSV or Parquet with the columns of :data:`EACH`, or with some of them: one that
        names the spectrum (``publisher_did``, or ``id`` or ``file`` with `find`) and one that says what it is
        (``profile`` or ``label``). Rows that say nothing are left out.
    labeller
        Who gave the labels, where the table does not say.
    find
        From names of spectra to their publisher DIDs.

    Returns
    -------
    list
        In the order of the file. Labels without an identifier get one that follows from what they say, so
        that they are the same however often they are read.

    Raises
    ------
    UserError
        The file cannot be read, lacks a column, or a row makes no sense.
    """
    said = {
        number: row
        for number, row in enumerate(_cells(path), start=1)
        if row.get("profile") or row.get("label") or row.get("undoes")
    }
    dids = _dids(path, list(said.values()), find)
    labels = []
    for (number, row), did in zip(said.items(), dids, strict=True):
        try:
            labels.append(_label(row, did, labeller))
        except (UserError, ValueError) as error:
            raise UserError(f"{path}, row {number}: {error}") from error
    return labels


def read_consensus(path: Path, *, rule: Rule = "majority", experts: Collection[str] = ()) -> pa.Table:
    """Read what people say of spectra together.

    Parameters
    ----------
    path
        A table of :data:`AGREED`, or one with a row for every label, of which the consensus is taken, or any
        table of spectra (``id``, ``file`` or ``publisher_did``) and labels.
    rule, experts
        See :func:`~vo_emline.labelling.agreement.consensus`.

    Returns
    -------
    pyarrow.Table
        One row per spectrum that has a label: the columns of :data:`AGREED`.

    Raises
    ------
    UserError
        The file cannot be read, lacks a column, or a row makes no sense.
    """
    rows = _cells(path)
    if any(row.get("labeller") for row in rows):
        labels = read_log(path, find=lambda names: {name: name for name in names})
        return agreed_rows(standing(labels), rule=rule, experts=experts)
    made = []
    for number, row in enumerate(rows, start=1):
        if row.get("profile") or row.get("label"):
            try:
                made.append(_published(row))
            except (UserError, ValueError) as error:
                raise UserError(f"{path}, row {number}: {error}") from error
    return pa.Table.from_pylist(made, arrow_schema(AGREED))


def _agreed(did: str, item: QueueItem | None, said: Consensus | None, file: str) -> dict[str, Any]:
    file = item.file if item and item.file else file
    row: dict[str, Any] = {"id": short_name(file or did), "publisher_did": did, "file": file}
    row |= dict.fromkeys(("label", "profile", "decided_by", "labelled_at", "comment"), "")
    if said is not None:
        row |= {
            "label": said.label, "profile": said.profile, "quality": said.quality,
            "n_labellers": said.labellers, "agreement": said.agreement,
            "is_emission": None if said.emission is None else int(said.emission),
            "decided_by": said.decided_by, "labelled_at": said.labelled_at,
            "comment": "; ".join(said.comments),
        }  # fmt: skip
    if item is not None:
        row |= {
            "score": item.score, "predicted": item.predicted, "stratum": item.stratum,
            "stratum_size": item.stratum_size, "weight": item.weight,
        }  # fmt: skip
    return row


def _published(row: Mapping[str, str]) -> dict[str, Any]:
    """Complete a row that says what a spectrum is."""
    name = row.get("publisher_did") or row.get("id") or row.get("file") or ""
    label = _word(row.get("label") or "")
    profile = _word(row["profile"]) if "profile" in row else label
    known = BY_PROFILE.get(profile or label)
    emission = row.get("is_emission") or ("" if known is None or known.emission is None else known.emission)
    return {
        "id": row.get("id") or short_name(name), "publisher_did": row.get("publisher_did") or name,
        "label": (known and known.label) or UNKNOWN,
        "profile": profile, "is_emission": None if emission == "" else int(emission),
        "quality": int(row.get("quality") or 3), "n_labellers": int(row.get("n_labellers") or 1),
        "agreement": float(row.get("agreement") or 1.0), "decided_by": row.get("decided_by") or "one",
        "labelled_at": row.get("labelled_at") or "",
    }  # fmt: skip


def _label(row: Mapping[str, str], did: str, labeller: str) -> Label:
    given: dict[str, Any] = {name: row[name] for name in FIELDS if row.get(name)}
    taken_back = bool(row.get("undoes")) and not row.get("profile")
    given |= {
        "publisher_did": did,
        "labeller": row.get("labeller") or labeller,
        "profile": "" if taken_back else _word(row.get("profile") or row.get("label") or ""),
        "quality": int(row.get("quality") or 3),
        "seconds": float(row.get("seconds") or 0.0),
        "blind": (row.get("blind") or "0").lower() in ("1", "true", "t", "yes"),
    }
    if not given["labeller"]:
        raise UserError("nobody is named who gave the label; say who")
    if "label_id" not in given:
        words = (
            did,
            given["labeller"],
            given["profile"],
            row.get("labelled_at") or "",
            row.get("queue") or "",
        )
        given["label_id"] = str(uuid5(NAMESPACE_URL, "\n".join(words)))
        given.setdefault("labelled_at", "1970-01-01")  # unknown: any label whose time is known is later
    return replace(Label.from_json(given), received_at=row.get("received_at") or "")


def _word(text: str) -> str:
    """Give the profile of a cell; empty for an empty one."""
    if not text.strip():
        return ""
    profile = parse_profile(text)
    if profile is None:
        raise UserError(f"label {text!r} is none of {', '.join((*BY_PROFILE, UNKNOWN))} or 0-3")
    return profile


def _dids(
    path: Path, rows: Sequence[Mapping[str, str]], find: Callable[[Sequence[str]], Mapping[str, str]] | None
) -> list[str]:
    names = [row.get("publisher_did") or row.get("file") or row.get("id") or "" for row in rows]
    unknown = [name for name in names if "://" not in name]
    known = find(unknown) if unknown and find is not None else {}
    if missing := [name for name in unknown if name not in known]:
        raise UserError(
            f"{path}: {len(missing)} rows name no publisher DID, such as {missing[0]!r}; "
            + (
                "the catalogue has none of that name"
                if find
                else "give the catalogue that the spectra are of"
            )
        )
    return [known.get(name, name) for name in names]


def _cells(path: Path) -> list[dict[str, str]]:
    """Read a table as text."""
    try:
        if path.suffix.lower() in _FORMATS:
            rows = _table_cells(path, _FORMATS[path.suffix.lower()])
        else:
            rows = _csv_cells(path)
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path}: the labels cannot be read: {error}") from error
    names = set(rows[0]) if rows else set()
    if rows and not (names & {"publisher_did", "id", "file"} and names & {"profile", "label"}):
        raise UserError(f"{path}: it must have a column publisher_did, id or file, and one profile or label")
    return rows


def _csv_cells(path: Path) -> list[dict[str, str]]:
    """Read a CSV; an empty file and one that was cut in a row raise :class:`ValueError`."""
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        if not reader.fieldnames:
            raise ValueError("the file is empty")
        rows = []
        for row in reader:
            if None in row or None in row.values():
                raise ValueError(f"line {reader.line_num} has not as many cells as the first")
            rows.append({name: value.strip() for name, value in row.items()})
    return rows


_FORMATS: Final = {
    ".vot": "votable", ".xml": "votable", ".votable": "votable", ".fits": "fits", ".ecsv": "ascii.ecsv",
    ".parquet": "parquet",
}  # fmt: skip
"""Suffixes of tables that are no CSV."""


def _table_cells(path: Path, form: str) -> list[dict[str, str]]:
    if form == "parquet":
        from pyarrow import parquet

        listed = parquet.read_table(path).to_pylist()
        return [{name: "" if value is None else str(value) for name, value in row.items()} for row in listed]
    from astropy.table import Table as AstropyTable

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tables that others wrote not quite as the standard says
        table = AstropyTable.read(path, format=form)
    return [{name: _plain(row[name]) for name in table.colnames} for row in table]


def _plain(value: Any) -> str:
    if np.ma.is_masked(value) or value is None or value != value:  # not a number
        return ""
    return value.decode() if isinstance(value, bytes) else str(value).strip()
