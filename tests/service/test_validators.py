"""Third-party validators are silent: taplint, votlint and volint on every kind of answer, XSDs."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from astropy.io.votable import validate

pytestmark = [
    pytest.mark.stilts,
    pytest.mark.skipif(shutil.which("stilts") is None, reason="the Debian package stilts is not installed"),
]

UPLOAD = b"""<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>
<FIELD name="odd name" datatype="unicodeChar" arraysize="*"/><FIELD name="v" datatype="float" arraysize="2"/>
<FIELD name="flag" datatype="boolean"/><FIELD name="select" datatype="unsignedByte"/>
<DATA><TABLEDATA><TR><TD>\xce\xbb</TD><TD>1 2</TD><TD>T</TD><TD>3</TD></TR>
<TR><TD/><TD/><TD/><TD/></TR></TABLEDATA>
</DATA></TABLE></RESOURCE></VOTABLE>"""

Ask = Callable[[Any, str], httpx.Response]


def stilts(*arguments: str) -> str:
    """Run STILTS; its exit code says nothing, its output does."""
    done = subprocess.run(["stilts", *arguments], capture_output=True, text=True, timeout=300, check=False)
    return done.stdout + done.stderr


def query(adql: str, **parameters: Any) -> Ask:
    """Ask a query in a serialisation."""
    return lambda served, output: served.sync(adql, RESPONSEFORMAT=output, **parameters)


def upload(served: Any, output: str) -> httpx.Response:
    """Give an uploaded table back."""
    values = {
        "LANG": "ADQL",
        "QUERY": "SELECT * FROM TAP_UPLOAD.t",
        "UPLOAD": "t,param:p",
        "RESPONSEFORMAT": output,
    }
    return httpx.post(f"{served.tap}/sync", data=values, files={"p": UPLOAD}, timeout=60)


ANSWERS: dict[str, Ask] = {
    "candidates": query("SELECT * FROM emline.candidates"),
    "rejects": query("SELECT * FROM emline.rejects"),
    "objects": query("SELECT TOP 20 * FROM emline.objects"),
    "epochs": query("SELECT TOP 20 * FROM emline.epochs"),
    "known": query("SELECT TOP 20 * FROM emline.known"),
    "labels": query("SELECT TOP 20 * FROM emline.labels"),
    "changes": query("SELECT TOP 20 * FROM emline.changes"),
    "coverage": query("SELECT TOP 20 * FROM emline.coverage"),
    "obscore": query("SELECT * FROM ivoa.obscore"),
    "columns": query("SELECT * FROM tap_schema.columns"),
    "no rows": query("SELECT * FROM emline.scores WHERE ra < 0"),
    "metadata only": query("SELECT * FROM emline.scores", MAXREC=0),
    "overflow": query("SELECT * FROM emline.scores", MAXREC=3),
    "expressions": query("SELECT COUNT(*), AVG(ra), MAX(label), POINT('ICRS', 1, 2) AS p FROM emline.scores"),
    "upload": upload,
    "error": query("SELECT * FROM nowhere"),
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("output", ["votable", "votable/td"])
def test_every_kind_of_answer_is_a_flawless_votable(
    served: Any, tmp_path: Path, name: str, output: str
) -> None:
    document = tmp_path / "answer.vot"
    document.write_bytes(ANSWERS[name](served, output).content)
    assert stilts("votlint", str(document)) == ""
    said = io.StringIO()
    assert validate(str(document), output=said), said.getvalue()


@pytest.mark.parametrize("table", ["candidates", "objects", "scores"])
def test_a_cone_has_only_the_words_of_its_old_standard_against_it(
    served: Any, tmp_path: Path, table: str
) -> None:
    """SCS 1.03 (section 2) wants three UCDs of 2002, which the list that astropy knows no longer has."""
    document = tmp_path / "cone.vot"
    document.write_bytes(httpx.get(f"{served.url}/scs/{table}?RA=10&DEC=20&SR=180", timeout=60).content)
    assert stilts("votlint", str(document)) == ""
    said = io.StringIO()
    validate(str(document), output=said)
    ucds = {"ID_MAIN", "POS_EQ_RA_MAIN", "POS_EQ_DEC_MAIN"}
    found = [line for line in said.getvalue().splitlines() if re.search(r": [WE]\d\d: ", line)]
    assert len(found) == 3
    assert all("W06" in line and any(f"'{ucd}'" in line for ucd in ucds) for line in found), found


@pytest.mark.slow
def test_taplint_has_nothing_to_say(served: Any) -> None:
    report = json.loads(stilts("taplint", f"tapurl={served.tap}", "format=json"))
    found = [
        (item["level"], f"{section['code']}-{item['code']}", item["text"])
        for section in report["sections"]
        for item in section["reports"]
        if item["level"] in ("ERROR", "WARNING", "FAILURE")
    ]
    # Nobody but observatories with a schedule has the table ivoa.obsplan.
    assert [item[:2] for item in found] == [("FAILURE", "LOC-NOTP")], found


@pytest.mark.parametrize(
    "path",
    ["capabilities", "availability", "tables", "tables?detail=min", "tables/tap_schema.columns", "async"],
)
def test_documents_are_valid(served: Any, tmp_path: Path, path: str) -> None:
    assert_valid(httpx.get(f"{served.tap}/{path}"), tmp_path)


def test_jobs_are_valid_in_every_phase(served: Any, tmp_path: Path) -> None:
    values = {"LANG": "ADQL", "RUNID": "a & b", "UPLOAD": ["a,param:x", "b,param:y"]}
    for more in (
        {},
        {"QUERY": "SELECT ra FROM emline.scores", "UPLOAD": "", "PHASE": "RUN"},
        {"QUERY": "<\x01>", "PHASE": "RUN"},
    ):
        url = httpx.post(f"{served.tap}/async", data=values | more).headers["location"]
        assert_valid(httpx.get(url, params={"WAIT": 1}), tmp_path)
        for child in ("parameters", "results"):
            assert httpx.get(f"{url}/{child}").status_code == 200
        httpx.post(f"{url}/phase", data={"PHASE": "ABORT"})
        assert_valid(httpx.get(url), tmp_path)
        assert httpx.get(f"{url}/phase").text in ("ABORTED", "COMPLETED", "ERROR")


def assert_valid(answer: httpx.Response, folder: Path) -> None:
    assert answer.status_code == 200
    document = folder / "document.xml"
    document.write_bytes(answer.content)
    done = subprocess.run(
        ["stilts", "xsdvalidate", "uselocals=true", f"doc={document}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
