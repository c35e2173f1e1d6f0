"""What a command says beside its results: on standard error, and nothing with ``--quiet``."""

from __future__ import annotations

import click

from vo_emline.progress import is_quiet


def remark(text: str) -> None:
    """Say something that is no result."""
    if not is_quiet():
        click.echo(text, err=True)


def narrate(text: str) -> None:
    """Tell a step of a long command, on standard output."""
    if not is_quiet():
        click.echo(text)
