"""What a listener shows of messages that came before it was ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from vo_emline.cli.samp import Follower


class Chosen(list[int]):
    """Rows that were selected; written as a list."""

    def write(self, path: Path) -> None:
        path.write_text(str(list(self)))


@dataclass
class Link:
    selected: tuple[int, ...] = ()


@dataclass
class Linked:
    """Shared candidates of which another application has said something already."""

    highlighted: int | None = None
    link: Link = field(default_factory=Link)
    sent: list[int] = field(default_factory=list)

    @property
    def selection(self) -> Chosen:
        return Chosen(self.link.selected)

    def on_highlight(self, callback: Callable[[int], None]) -> None: ...

    def on_select(self, callback: Callable[[Any], None]) -> None: ...

    def send_spectrum(self, row: int, *, to: str | None = None) -> tuple[str, ...]:
        self.sent.append(row)
        return (f"row {row} to {to}",)


def follow(linked: Any, *, save: Path | None = None) -> None:
    Follower(linked, forward="splat", png=None, save=save).follow(events=1)


def test_a_row_highlighted_before_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    linked = Linked(highlighted=0)
    follow(linked)
    assert linked.sent == [0]
    assert "row 0 to splat" in capsys.readouterr().out


def test_rows_selected_before_are_saved(tmp_path: Path) -> None:
    follow(Linked(link=Link(selected=(3, 1))), save=tmp_path / "chosen")
    assert (tmp_path / "chosen").read_text() == "[3, 1]"
