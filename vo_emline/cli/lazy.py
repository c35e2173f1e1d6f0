"""A click group that imports a command only when it is used."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import click

ENTRY_POINTS = "vo_emline.commands"
"""Entry-point group through which other packages (the service) add commands."""


class LazyGroup(click.Group):
    """A group whose commands are named by ``module:attribute`` and imported on first use."""

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order a newcomer meets them."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and give the command called `cmd_name`, or None."""
        if cmd_name not in self.lazy:
            return None
        target, _ = self.lazy[cmd_name]
        if target == ENTRY_POINTS:
            (entry,) = entry_points(group=ENTRY_POINTS, name=cmd_name)
            loaded = entry.load()
        else:
            module, attribute = target.split(":")
            loaded = getattr(import_module(module), attribute)
        if not isinstance(loaded, click.Command):
            raise TypeError(f"{target} is not a click command")
        return loaded

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their one-line help, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.lazy.items()])
