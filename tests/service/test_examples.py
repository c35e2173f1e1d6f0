"""The examples of README and docs: every query in them is answered, also by the run that `make demo` leaves.

``VO_EMLINE_DEMO`` names that run; continuous integration sets it, and then those of the README must find
rows, and what is shown in Python and for the shell is run against it. Stars are named in the docs that
a survey may hold; a simulated one has others, so that one of its own stands in for them here.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from tests.vo_emline.client.samp.conftest import hub as hub
from tests.vo_emline.client.samp.conftest import lockfile as lockfile
from tests.vo_emline.client.samp.test_docs import blocks, ignore
from vo_emline.cli import app
from vo_emline.client.samp import SampSession, messages

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
QUERY = re.compile(r'```sql\n(.*?)```|adql\("""(.*?)"""|vo-emline query "(SELECT [^"…]*)"', re.DOTALL)
EXAMPLES = [
    pytest.param(page, " ".join(next(filter(None, match)).split()), id=f"{page.name}-{number}")
    for page in PAGES
    for number, match in enumerate(QUERY.findall(page.read_text(encoding="utf-8")))
]


@pytest.fixture(scope="session")
def answering(served: Any, start_service: Any) -> Any:
    """Serve the run of the demonstration where there is one, else the small release of the tests."""
    run = os.environ.get("VO_EMLINE_DEMO")
    return start_service(Path(run) / "release.duckdb") if run else served


@pytest.mark.parametrize(("page", "query"), EXAMPLES)
def test_every_query_that_is_shown_is_answered(answering: Any, page: Path, query: str) -> None:
    if "TAP_UPLOAD" in query or "CREATE " in query or "GRANT " in query:
        pytest.skip("needs an upload, or is no ADQL")
    answer = answering.sync(query, RESPONSEFORMAT="json", MAXREC="10")
    assert answer.status_code == 200, answer.text
    if page.name == "README.md" and os.environ.get("VO_EMLINE_DEMO"):
        assert answer.json()["data"]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 3


CLIENTS = [ROOT / "README.md", ROOT / "docs" / "client.md", ROOT / "docs" / "topcat.md"]
"""Pages whose examples ask a service that runs."""

ARCHIVES = ("fetch", "run")
"""Commands of archives and hours; `make demo` is them, and fails where they do."""

FOLDER = "my-spectra"


@pytest.fixture(scope="session")
def demo() -> Path:
    """The run of the demonstration."""
    run = os.environ.get("VO_EMLINE_DEMO")
    if not run:
        pytest.skip("needs VO_EMLINE_DEMO, the run that `make demo` leaves")
    return Path(run).resolve()


@pytest.fixture
def own_words(answering: Any, demo: Path) -> Any:
    """Give a function that puts a star of the demonstration, and its service, in the place of those shown."""
    place = "SELECT TOP 1 designation, ra, dec FROM emline.candidates"
    query = f"{place} WHERE label = 'double-peak' ORDER BY score DESC"
    ((name, ra, dec),) = answering.rows(query)
    swaps = {"98.568 2.508": f"{ra:.4f} {dec:.4f}", "http://localhost:8000": answering.url}

    def swapped(text: str) -> str:
        for shown, own in swaps.items():
            text = text.replace(shown, own)
        return re.sub(r"J\d{6}\.\d\d[+-]\d{6}\.\d", name, text)

    return swapped


@pytest.fixture
def desktop(hub: Any) -> Iterator[None]:
    """A program that answers to the name of TOPCAT; the real one has tests of its own."""
    with SampSession.connect(name="topcat") as other:
        for mtype in (
            messages.TABLE_LOAD, messages.SPECTRUM_LOAD, messages.HIGHLIGHT_ROW, messages.SELECT_ROWS,
        ):  # fmt: skip
            other.listen({mtype: ignore})
        yield


@pytest.mark.usefixtures("desktop")
@pytest.mark.filterwarnings("ignore::vo_emline.client.TruncatedWarning")
@pytest.mark.parametrize("page", CLIENTS, ids=lambda page: page.name)
def test_the_python_that_is_shown_runs(
    own_words: Any, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = blocks("python", page)
    assert shown
    namespace: dict[str, Any] = {}
    for block in shown:
        exec(compile(own_words(block), page.name, "exec"), namespace)
    namespace["service"].close()


@pytest.mark.usefixtures("desktop")
@pytest.mark.parametrize("page", CLIENTS, ids=lambda page: page.name)
def test_the_commands_that_are_shown_run(
    own_words: Any, answering: Any, demo: Path, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VO_EMLINE_SERVICE", answering.url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("BROWSER", "true")
    (tmp_path / FOLDER).mkdir()
    for file in sorted((demo.parent / "archive" / "lamost").glob("*.fits*"))[:5]:
        shutil.copy(file, FOLDER)
    (tmp_path / "demo-run").symlink_to(demo.parent)
    ran = 0
    for command in (line for block in blocks("sh", page) for line in block.splitlines()):
        program, *arguments = shlex.split(own_words(command), comments=True)
        if Path(program).name != "vo-emline" or arguments[0] in ARCHIVES or "my-run" in arguments:
            continue
        if arguments[0] in ("serve", "open"):
            opened([demo if word == "RUN" else word for word in arguments])
        else:
            result = CliRunner().invoke(app, arguments, catch_exceptions=False)
            assert result.exit_code == 0, f"{command}\n{result.output}"
            assert result.output
        ran += 1
    assert ran


def opened(arguments: Sequence[str | Path]) -> None:
    """Start a service as it is shown, on a free port, and see the page at the address that it prints."""
    port = ["--port", "0"] if arguments[0] == "serve" else []
    command = [sys.executable, "-m", "vo_emline", *map(str, arguments), *port]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            page = httpx.get(process.stdout.readline().strip(), timeout=60)
            assert "classified spectra" in page.text
        finally:
            process.terminate()
