"""Looking through an uploaded VOTable before a full reader sees it.

A DOCTYPE may pull in files or expand to gigabytes; a ``STREAM href`` makes
readers open files and addresses. Neither is needed in an upload.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final
from xml.parsers import expat

from vo_emline.errors import UserError

MAX_DEPTH: Final = 100
MAX_FIELDS: Final = 2000
_ENCODINGS: Final = (None, "base64")


class _Scan:
    """Counts, and refuses what is too much, while expat reads."""

    def __init__(self, max_rows: int) -> None:
        self._max_rows = max_rows
        self._depth = 0
        self._rows = 0
        self.units: list[str | None] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise UserError("UPLOAD: the document is nested too deeply for a VOTable")
        if self._depth == 1 and local != "VOTABLE":
            raise UserError(f"UPLOAD: the document is no VOTable, it begins with {name[:80]}")
        if local == "STREAM":
            _check_stream(attributes)
        elif local == "TR":
            self._rows += 1
            if self._rows > self._max_rows:
                raise UserError(f"UPLOAD: the table has more than {self._max_rows} rows")
        elif local == "FIELD":
            self.units.append(attributes.get("unit"))
            if len(self.units) > MAX_FIELDS:
                raise UserError(f"UPLOAD: the table has more than {MAX_FIELDS} columns")

    def end(self, _name: str) -> None:
        self._depth -= 1

    def doctype(self, *_declaration: object) -> None:
        raise UserError("UPLOAD: documents with a DOCTYPE are not accepted; VOTables have none")


def prescan(path: Path, *, max_rows: int) -> list[str | None]:
    """Refuse a VOTable that is dangerous or too large; give the units of its FIELDs as written.

    Raises
    ------
    UserError
        It is no well-formed XML, has a DOCTYPE, refers to data elsewhere, or has too many rows or columns.
    """
    scan = _Scan(max_rows)
    parser = expat.ParserCreate()
    parser.StartElementHandler = scan.start
    parser.EndElementHandler = scan.end
    parser.StartDoctypeDeclHandler = scan.doctype
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
    except expat.ExpatError as error:
        raise UserError(f"UPLOAD: the document is not well-formed XML: {error}") from error
    return scan.units


def _check_stream(attributes: dict[str, str]) -> None:
    if "href" in attributes or any(name.endswith(":href") for name in attributes):
        raise UserError(
            "UPLOAD: a STREAM with href points to data elsewhere; send the rows inside the document"
        )
    if attributes.get("encoding") not in _ENCODINGS:
        raise UserError("UPLOAD: a STREAM must be in base64")
