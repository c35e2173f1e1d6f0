"""The documentation says what the code does."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[1]
_spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
assert _spec is not None
assert _spec.loader is not None
generate = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generate)


@pytest.mark.parametrize("name", sorted(generate.PAGES))
def test_generated_pages_are_current(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == generate.PAGES[name](), "run `make docs`"


@pytest.mark.parametrize(
    "page", sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")]), ids=lambda p: p.name
)
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text())
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize(
    "page", sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")]), ids=lambda p: p.name
)
def test_commands_shown_exist(page: Path) -> None:
    named = set(re.findall(r"vo-emline ([a-z]+(?:-[a-z]+)*)", page.read_text()))
    assert named <= set(generate.app.lazy), f"{page.name} shows commands that do not exist"


def commands_of(page: Path) -> list[list[str]]:
    """Give the words of every command of ours in the blocks for the shell."""
    found = re.findall(r"^```(?:sh|bash)?(?: no-run)?\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    lines = [line for block in found for line in block.replace("\\\n", " ").splitlines()]
    ours = [re.match(r"(?:[^ ]*/|\s*\"[^ ]*/)?vo-emline (.*)", line) for line in lines]
    return [re.sub(r"\s#.*", "", match[1]).split() for match in ours if match]


@pytest.mark.parametrize(
    "page",
    [p for p in sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")]) if p.name != "commands.md"],
    ids=lambda p: p.name,
)
def test_options_shown_exist(page: Path) -> None:
    for rest in commands_of(page):
        command, named = generate.app, ["vo-emline"]
        while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
            named.append(rest[0])
            command = command.get_command(click.Context(command), rest.pop(0))
            assert command is not None, f"{page.name}: there is no {' '.join(named)}"
        known = {"--help"} | {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
        given = [word.strip("[]\"'") for word in rest]
        shown = {word.partition("=")[0] for word in given if word.startswith("--")}
        assert shown <= known, f"{page.name}: {' '.join(named)} has no {', '.join(shown - known)}"


def test_the_walks_through_the_code_name_what_is_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    named = re.findall(r"`((?:\w+/)+\w+\.py)(?:: ([\w.]+))?`", page)
    assert len(named) > 15
    for path, name in named:
        file = next((at for at in (ROOT / path, ROOT / "vo_emline" / path) if at.is_file()), None)
        assert file is not None, path
        for part in filter(None, name.split(".")):
            assert re.search(rf"\b(def|class) {part}\b", file.read_text()), f"{path} has no {part}"
