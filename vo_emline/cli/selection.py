"""Options by which several commands choose a service and rows of it."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vo_emline.errors import UserError
from vo_emline.labels import LABELS

if TYPE_CHECKING:
    from vo_emline.client import Candidates, Client

Function = Callable[..., Any]

service_option = click.option(
    "--service",
    "-s",
    metavar="URL",
    help="Address of the candidate service. [default: $VO_EMLINE_SERVICE, else http://localhost:8000]",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which rows of which service a command is about."""

    service: str | None
    adql: str | None
    target: str | None
    radius: str | None
    label: tuple[str, ...]
    min_score: float | None
    min_snr: float | None
    where: str
    limit: int | None
    all_rows: bool

    def connect(self) -> Client:
        """Connect to the service."""
        from vo_emline.client import connect

        return connect(self.service)

    def run(self, client: Client) -> Candidates:
        """Ask for the rows.

        Raises
        ------
        click.UsageError
            Both a query and constraints are given.
        """
        if self.adql is not None:
            self._refuse_constraints()
            return client.adql(read_adql(self.adql), maxrec=self.limit)
        return client.search(**self.constraints(), limit="all" if self.all_rows else self.limit)

    def count(self, client: Client) -> int:
        """Count the rows.

        Raises
        ------
        click.UsageError
            A query is given: it can count by itself.
        """
        if self.adql is not None:
            raise click.UsageError("--count goes with constraints; in ADQL say SELECT COUNT(*)")
        return client.count(**self.constraints())

    def constraints(self) -> dict[str, Any]:
        """Give what :meth:`vo_emline.client.Client.search` takes."""
        names = ("target", "radius", "min_score", "min_snr", "where")
        return {name: getattr(self, name) for name in names} | {"label": self.label or None}

    def _refuse_constraints(self) -> None:
        given = [name for name, value in self.constraints().items() if value not in (None, "")]
        if given or self.all_rows:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in given) or "--all"
            raise click.UsageError(f"give a query or constraints, not both: drop the query or {options}")


def selection_options(command: Function) -> Function:
    """Add the options of a :class:`Selection`, handed to the command as ``selection``."""

    @wraps(command)
    def collect(**options: Any) -> Any:
        chosen = {field.name: options.pop(field.name) for field in fields(Selection)}
        return command(selection=Selection(**chosen), **options)

    decorated: Function = collect
    for decorate in reversed(_DECORATORS):
        decorated = decorate(decorated)
    return decorated


def read_adql(argument: str) -> str:
    """Give the query itself: ``-`` reads standard input, ``@file`` a file.

    Raises
    ------
    UserError
        The file cannot be read.
    """
    if argument == "-":
        return sys.stdin.read()
    if not argument.startswith("@"):
        return argument
    try:
        return Path(argument[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the query in {argument[1:]} cannot be read: {error}") from error


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Print warnings as one line on standard error, without the place in the code."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield
        finally:
            for warning in caught:
                click.secho(f"warning: {warning.message}", fg="yellow", err=True)


_DECORATORS: tuple[Callable[[Function], Function], ...] = (
    click.argument("adql", required=False),
    service_option,
    click.option(
        "--target",
        metavar="POSITION|NAME",
        help="Search around 'RA DEC' (deg or sexagesimal), a LAMOST designation or a name.",
    ),
    click.option(
        "--radius", metavar="ANGLE", help="Radius around the target, with unit. [default: 5 arcsec]"
    ),
    click.option("--label", multiple=True, type=click.Choice(LABELS), help="Class at Hα; may be repeated."),
    click.option("--min-score", type=click.FloatRange(0, 1), help="Least probability of emission."),
    click.option("--min-snr", type=float, help="Least signal-to-noise ratio per pixel in r."),
    click.option("--where", default="", metavar="ADQL", help="A further condition."),
    click.option("--limit", "-n", type=click.IntRange(1), help="Most rows. [default: the service's limit]"),
    click.option("--all", "all_rows", is_flag=True, help="As many rows as the service sends at all."),
)
