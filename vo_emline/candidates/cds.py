"""Tables of a release as VizieR and journals want them: fixed-width text, described byte by byte.

*Standards for Astronomical Catalogues*, version 2.0 (CDS, 2000): a ``ReadMe`` with the description of each
``.dat`` file, or a machine-readable table that brings its description. Widths follow from the values, so that
each table is read twice, a batch at a time.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from vo_emline.candidates.citation import Citation
from vo_emline.candidates.columns import CANDIDATES, CHANGES, KNOWN, OBJECTS
from vo_emline.candidates.database import identifier
from vo_emline.files import atomic_path, room_for
from vo_emline.tables import Column, Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

EXPORTED: Final = (CANDIDATES, OBJECTS, KNOWN, CHANGES)
"""Tables that are exported; those without a row are left out."""

Form = Literal["vizier", "mrt"]

WIDTH: Final = 80
"""Characters of a line of text."""

_BATCH: Final = 20_000
_HIDDEN: Final = frozenset({"hpx10"})
_UNITS: Final = {"km.s**-1": "km/s", "Angstrom": "0.1nm", None: "---"}
_PLACES: Final = {
    "ra": 7,
    "dec": 7,
    "epoch_mjd": 5,
    "first_epoch_mjd": 5,
    "last_epoch_mjd": 5,
    "catalogue_epoch": 3,
}
"""Decimal places of the doubles: 0.4 mas, 1 s."""
_RULE: Final = "-" * WIDTH
_SPELT: Final = str.maketrans({"Å": "Angstrom", "–": "-", "−": "-", "α": "alpha", "″": "arcsec", "·": "."})


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A column in fixed width."""

    column: Column
    format: str
    """As Fortran writes it: ``A20``, ``I5``, ``F11.7``, ``E13.6``."""
    width: int
    blank: bool
    """Whether a value may be missing; it is blank then."""

    def write(self, value: Any) -> str:
        """Write a value."""
        if value is None:
            return " " * self.width
        kind = self.format[0]
        if kind == "A":
            return narrow(str(value)).ljust(self.width)
        if kind == "I":
            return f"{int(value):{self.width}d}"
        if value != value:  # NaN
            return " " * self.width
        if kind == "F":
            return f"{value:{self.width}.{_PLACES[self.column.name]}f}"
        return f"{value:{self.width}.6E}"


def narrow(text: str) -> str:
    """Give a value in ASCII on one line, no longer than it was; what has no ASCII becomes ``?``."""
    return " ".join(text.encode("ascii", "replace").decode().split())


def plain(text: str) -> str:
    """Give a text of ours in ASCII on one line, letters of other alphabets spelt."""
    return narrow(text.translate(_SPELT))


def export(release: Path, folder: Path, *, form: Form, title: str = "Emission-line stars") -> dict[str, int]:
    """Write the tables of a release for VizieR (``ReadMe`` and ``.dat`` files) or a journal (``.mrt`` files).

    Parameters
    ----------
    release
        The release file.
    folder
        Where to; files of these names are replaced.
    form
        ``vizier`` or ``mrt``.
    title
        Of the catalogue.

    Returns
    -------
    dict
        Rows of each file, by its name.

    Raises
    ------
    UserError
        There is no room.
    """
    import duckdb

    folder.mkdir(parents=True, exist_ok=True)
    described: list[tuple[str, Table, Sequence[Field]]] = []
    rows: dict[str, int] = {}
    with duckdb.connect(str(release), read_only=True) as database:
        citation = Citation.of(dict(database.sql("FROM internal.metadata").fetchall()))
        for table in EXPORTED:
            count = _count(database, table)
            if not count:
                continue
            fields = fields_of(database, table)
            name = f"{table.name}.{'dat' if form == 'vizier' else 'mrt'}"
            head = (
                "" if form == "vizier" else mrt_head(table, fields, citation=citation, title=title, name=name)
            )
            _write(folder / name, head, _lines(database, table, fields))
            described.append((name, table, fields))
            rows[name] = count
    if form == "vizier":
        text = readme(described, rows, citation=citation, title=title)
        _write(folder / "ReadMe", text, iter(()))
    return rows


def fields_of(database: DuckDBPyConnection, table: Table) -> list[Field]:
    """Choose the format of every column, from the values it has."""
    columns = [column for column in table.stored if column.name not in _HIDDEN]
    asked = ", ".join(
        f"{_longest(column)}, count({identifier(column.name)}) < count(*)" for column in columns
    )
    found = database.sql(f"SELECT {asked} FROM {table.qualified_name}").fetchall()[0]  # noqa: S608 - our names
    return [
        _field(column, int(found[2 * at] or 1), blank=bool(found[2 * at + 1]))
        for at, column in enumerate(columns)
    ]


def _longest(column: Column) -> str:
    """Give SQL for the longest value as text; of floating-point numbers the largest before the point."""
    name = identifier(column.name)
    if column.datatype in ("float", "double"):
        whole = f"CAST(CAST(trunc(abs({name})) AS HUGEINT) AS VARCHAR)"
        return f"max(length({whole})) FILTER (isfinite({name}) AND abs({name}) < 1e30)"
    return f"max(length(CAST({name} AS VARCHAR)))"


def _field(column: Column, longest: int, *, blank: bool) -> Field:
    if column.is_text:
        longest = max(longest, 1)
        return Field(column=column, format=f"A{longest}", width=longest, blank=blank)
    if column.name in _PLACES:
        places = _PLACES[column.name]
        width = longest + places + 2  # point and sign
        return Field(column=column, format=f"F{width}.{places}", width=width, blank=True)
    if column.datatype in ("float", "double"):
        return Field(column=column, format="E13.6", width=13, blank=True)
    return Field(column=column, format=f"I{longest}", width=longest, blank=blank)


def description(fields: Sequence[Field], *, name: str) -> str:
    """Give the byte-by-byte description of a file."""
    lines = [f"Byte-by-byte Description of file: {name}", _RULE]
    lines += ["   Bytes Format Units   Label                     Explanations", _RULE]
    start = 1
    for field in fields:
        end = start + field.width - 1
        bytes_ = f"{start:4d}-{end:4d}" if field.width > 1 else f"     {start:4d}"
        unit = _UNITS.get(field.column.unit, field.column.unit)
        head = f"{bytes_} {field.format:6s} {unit:7s} {field.column.name:25s} "
        text = ("? " if field.blank else "") + plain(field.column.description)
        wrapped = textwrap.wrap(text, WIDTH - 30)
        lines.append(head + wrapped[0])
        lines += [" " * len(head) + more for more in wrapped[1:]]
        start = end + 2
    return "\n".join([*lines, _RULE]) + "\n"


def readme(
    described: Sequence[tuple[str, Table, Sequence[Field]]],
    rows: Mapping[str, int],
    *,
    citation: Citation,
    title: str,
) -> str:
    """Give the ``ReadMe`` of some files."""
    who, when = plain(", ".join(citation.creators)) or "Anonymous", citation.year or "----"
    parts = [f"{plain(title)}  ({who}, {when})", "=" * WIDTH, f"{plain(title)}", f"    {who}"]
    if citation.doi:
        parts.append(f"   =doi:{citation.doi}")
    parts += [
        "=" * WIDTH,
        "Keywords: stars: emission-line, Be - line: profiles - surveys",
        "",
        "Description:",
    ]
    parts += [_indented(_said(citation)), "", "File Summary:", _RULE]
    parts += [
        " FileName            Lrecl  Records   Explanations",
        _RULE,
        f" ReadMe                 {WIDTH}        .   This file",
    ]
    for name, table, fields in described:
        length = sum(field.width for field in fields) + len(fields) - 1
        parts.append(f" {name:18s} {length:6d} {rows[name]:8d}   {plain(table.description)[:40]}")
    parts += [_RULE, ""]
    for name, _, fields in described:
        parts.append(description(fields, name=name))
    return "\n".join([*parts, "=" * WIDTH, f"(End){citation.software:>75s}"]) + "\n"


def mrt_head(table: Table, fields: Sequence[Field], *, citation: Citation, title: str, name: str) -> str:
    """Give what stands before the rows of a machine-readable table."""
    who = plain(", ".join(citation.creators)) or "Anonymous"
    head = [f"Title: {plain(title)}", f"Authors: {who}", f"Table: {plain(table.description)}", "=" * WIDTH]
    return "\n".join(head) + "\n" + description(fields, name=name)


def _said(citation: Citation) -> str:
    said = [f"Spectra classified at H-alpha by {citation.software or 'vo-emline'}"]
    said += [f"model {citation.model_version}"] if citation.model_version else []
    said += [f"release {citation.name}"] if citation.name else []
    text = ", ".join(said) + "."
    text += f" Spectra of {citation.surveys}." if citation.surveys else ""
    text += f" Licence: {citation.licence}." if citation.licence else ""
    return text + " The method: Skoda, Podsztavek & Tvrdik 2020, A&A 643, A122."


def _indented(text: str) -> str:
    return textwrap.fill(plain(text), WIDTH, initial_indent="    ", subsequent_indent="    ")


def _count(database: DuckDBPyConnection, table: Table) -> int:
    sql = "SELECT count(*) FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?"
    if not database.execute(sql, [table.schema, table.name]).fetchall()[0][0]:
        return 0
    return int(database.sql(f"SELECT count(*) FROM {table.qualified_name}").fetchall()[0][0])  # noqa: S608


def _lines(database: DuckDBPyConnection, table: Table, fields: Sequence[Field]) -> Iterator[str]:
    names = ", ".join(identifier(field.column.name) for field in fields)
    writers: list[Callable[[Any], str]] = [field.write for field in fields]
    reader = database.sql(f"SELECT {names} FROM {table.qualified_name}").to_arrow_reader(_BATCH)  # noqa: S608
    for batch in reader:
        columns = [
            list(map(write, column.to_pylist())) for write, column in zip(writers, batch.columns, strict=True)
        ]
        yield "".join(" ".join(row) + "\n" for row in zip(*columns, strict=True))


def _write(path: Path, head: str, pieces: Iterator[str]) -> None:
    with room_for(path), atomic_path(path) as temporary, temporary.open("w", encoding="ascii") as file:
        file.write(head)
        file.writelines(pieces)
