"""The examples of README and docs: every query in them is answered, also by the run that `make demo` leaves.

``VO_EMLINE_DEMO`` names that run; continuous integration sets it, and then those of the README must find
rows.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

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
