"""``vo-emline label``: a link that lets in, who was invited, and that nobody is let in any longer."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from service.labelling.people import FILE, People, Role
from vo_emline.cli import app
from vo_emline.errors import UserError


def say(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["label", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_link_lets_in_until_it_is_revoked(release_file: Path, tmp_path: Path) -> None:
    which = ("--release", str(release_file), "--state-directory", str(tmp_path))
    link = say("invite", "Eva", "--role", "owner", "--public-url", "https://example.org/emline", *which)
    address, _, secret = link.strip().partition("#")
    head, _, invitation = address.rpartition("/")
    assert head == "https://example.org/emline/label/enter"
    people = People(tmp_path / FILE)
    session = people.accept(invitation, secret)
    assert session is not None
    found = people.who(session)
    assert found is not None
    assert (found.name, found.role) == ("Eva", Role.OWNER)
    assert say("people", *which).split("\t")[:3] == ["Eva", "owner", "in 1 browser"]
    say("revoke", "Eva", *which)
    assert people.who(session) is None
    assert "revoked" in say("people", *which)
    with pytest.raises(UserError, match="nobody called Eva"):
        say("revoke", "Eva", *which)
    people.close()


def test_which_service_is_meant_must_be_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--release"):
        say("people")
    config = tmp_path / "service.toml"
    config.write_text(f'label_state = "{tmp_path / "labels"}"\n')
    assert say("people", "--config", str(config)) == ""
