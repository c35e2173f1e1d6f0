"""``vo-emline label``: who may label spectra on a service. Imported quickly, working late."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from service.config import Settings
    from service.labelling.people import People

F = TypeVar("F", bound=Callable[..., Any])


def of_service(command: F) -> F:
    """Add the options that say which service is meant."""
    options = (
        click.option("--release", "place", help="What is served: PATH as `vo-emline serve PATH` has it."),
        click.option("--config", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                     help="Settings of the service, TOML."),
        click.option("--state-directory", type=click.Path(file_okay=False, path_type=Path),
                     help="Folder for its jobs and results, where `serve` was told one."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def label() -> None:
    """Queues and labels of people; who may label on a service that was started with `serve --label`."""


@label.command(short_help="Invite somebody; prints the link.")
@click.argument("name")
@click.option("--role", type=click.Choice(["labeller", "owner"]), default="labeller", show_default=True,
              help="Owners also make queues, and take along the labels of everybody.")  # fmt: skip
@click.option("--days", type=click.FloatRange(min=0, min_open=True), default=14.0, show_default=True,
              help="How long the link may be used, in as many browsers as its owner has.")  # fmt: skip
@click.option("--public-url", help="Address users see (default: that of the settings).")
@of_service
def invite(name: str, *, role: str, days: float, public_url: str | None, **which: Any) -> None:
    """Invite NAME to label, and print the link that lets in.

    The link is shown this once; the service keeps a digest of it. Who has it can enter: send it by a way
    that others do not read.

    \b
    Examples:
      vo-emline label invite Eva --release release.duckdb --public-url https://example.org/emline
      vo-emline label invite Otto --role owner --config service.toml
    """
    from service.labelling.people import Role
    from service.server import with_public_url
    from service.urls import Urls

    settings, people = _people(which, public_url=public_url)
    invitation, secret = people.invite(name, Role(role), days=days)
    people.close()
    urls = Urls(with_public_url(settings, port=settings.port).public_url)
    click.echo(urls.invitation(invitation, secret))


@label.command("people", short_help="List who was invited.")
@of_service
def list_people(**which: Any) -> None:
    """List the invitations: name, role, whether it is open, accepted, too old or revoked."""
    import time

    _, people = _people(which)
    for one in people.invitations():
        state = (
            "revoked" if one.revoked
            else f"in {one.sessions} browser{'s' if one.sessions > 1 else ''}" if one.sessions
            else "open" if one.expires > time.time()
            else "too old"
        )  # fmt: skip
        when = time.strftime("%Y-%m-%d", time.gmtime(one.created))
        click.echo(f"{one.name}\t{one.role}\t{state}\tinvited {when}")
    people.close()


@label.command(short_help="Let somebody in no longer.")
@click.argument("name")
@of_service
def revoke(name: str, **which: Any) -> None:
    """Withdraw the invitations of NAME, and end what was begun with them, at once. The labels stay."""
    from vo_emline.errors import UserError

    _, people = _people(which)
    changed = people.revoke(name)
    people.close()
    if not changed:
        raise UserError(f"nobody called {name} is invited; `vo-emline label people` lists who is")


def _people(which: dict[str, Any], **more: Any) -> tuple[Settings, People]:
    """Open the file of people of a service.

    Raises
    ------
    UserError
        Nothing says which service is meant.
    """
    from service.app import label_directory
    from service.config import load
    from service.labelling.people import FILE, People
    from service.server import find_release
    from service.store import is_database
    from vo_emline.errors import UserError

    place: str | None = which["place"]
    settings = load(which["config"], state_directory=which["state_directory"], **more)
    if place is None and not (settings.label_state or settings.state_directory):
        raise UserError("say which service is meant: --release PATH, or --config with its label_state")
    release = place or ""
    if place is not None and not is_database(place):
        if not Path(place).exists():
            raise UserError(f"{place} does not exist")
        release = str(find_release(Path(place)))
    return settings, People(label_directory(release, settings) / FILE)
