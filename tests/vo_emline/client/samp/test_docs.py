"""The examples of the pages are run as they stand, against a running service and a hub or TOPCAT."""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from vo_emline.cli import app
from vo_emline.client import Client
from vo_emline.client.samp import SampSession, messages

DOCS = Path(__file__).parents[4] / "docs"
PAGE = DOCS / "client.md"


def blocks(language: str, page: Path = PAGE) -> list[str]:
    """Give the code blocks of a language; ``sh no-run`` is another language than ``sh``."""
    return re.findall(
        rf"^ *```{language}\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def ignore(_sender: str, _params: dict[str, Any]) -> None:
    """Accept a message."""


@pytest.fixture
def stand_in(session: SampSession) -> Iterator[None]:
    """A program that answers to the name of TOPCAT; the real one has tests of its own."""
    with SampSession.connect(name="topcat") as other:
        for mtype in (messages.TABLE_LOAD, messages.HIGHLIGHT_ROW, messages.SELECT_ROWS):
            other.listen({mtype: ignore})
        yield


def test_the_page_has_examples() -> None:
    assert len(blocks("python")) >= 8
    assert len(blocks("sh")) >= 3


@pytest.mark.filterwarnings("ignore::vo_emline.client.TruncatedWarning")
def test_python(service_url: str, stand_in: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("specutils")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {}
    for block in blocks("python"):
        exec(compile(block.replace("http://localhost:8000", service_url), PAGE.name, "exec"), namespace)
    assert [row["label"] for row in namespace["found"]] == ["double-peak"]
    assert list(namespace["matched"]["name"]) == ["A"]
    assert len(list((tmp_path / "spectra").glob("*.fits"))) == 1


def test_commands(service_url: str, stand_in: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VO_EMLINE_SERVICE", service_url)
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "vo-emline"
        if arguments[0] != "serve":
            result = CliRunner().invoke(app, arguments, catch_exceptions=False)
            assert result.exit_code == 0, f"{command}\n{result.output}"
    assert (tmp_path / "cone.vot").exists()
    assert (tmp_path / "star.png").exists()
    assert len(list((tmp_path / "be-stars").glob("*.fits"))) == 2


@pytest.mark.topcat
@pytest.mark.slow
def test_two_of_the_three_ways(
    topcat: SampSession, service_url: str, requests: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third, without Python, is that of test_topcat_alone."""
    monkeypatch.setenv("VO_EMLINE_SERVICE", service_url)
    (way,) = blocks("python", DOCS / "topcat.md")
    namespace: dict[str, Any] = {}
    exec(compile(way.replace("http://localhost:8000", service_url), "topcat.md", "exec"), namespace)
    namespace["service"].close()
    assert requests("/spectrum") == 1  # TOPCAT itself has fetched it
    for command in blocks("sh", DOCS / "topcat.md")[0].splitlines():
        result = CliRunner().invoke(app, shlex.split(command)[1:], catch_exceptions=False)
        assert result.stdout == "topcat: ok\n"
    assert requests("/spectrum") == 2


def test_the_query_of_the_third_way(client: Client) -> None:
    (query,) = blocks("sql", DOCS / "topcat.md")
    assert set(client.adql(query)["label"]) == {"double-peak"}
