"""The SAMP hub: finding it, or starting one."""

from __future__ import annotations

import logging
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager

from astropy import log as astropy_log
from pyvo import samp
from pyvo.samp.lockfile_helpers import get_main_running_hub

from vo_emline.errors import UserError

_HOW_TO_START = (
    "start TOPCAT or Aladin (each brings a hub), run 'vo-emline samp hub' in another terminal, "
    "or ask for one (start_hub=True, --start-hub)"
)


class NoHubError(UserError):
    """No SAMP hub is running on this machine."""

    def __init__(self, reason: str = "") -> None:
        detail = f" ({reason})" if reason else ""
        super().__init__(f"no SAMP hub is running{detail}: {_HOW_TO_START}")


def running_hub() -> dict[str, str]:
    """Give the parameters of the running hub, from its lock file.

    The lock file is the one named by ``SAMP_HUB`` or ``~/.samp``
    (SAMP 1.3, section 4.2).

    Raises
    ------
    NoHubError
        There is no lock file, it cannot be read, or its hub does not answer.
    """
    try:
        params: dict[str, str] = get_main_running_hub()
    except samp.SAMPHubError as error:
        raise NoHubError from error
    except (KeyError, ValueError, OSError, xmlrpc.client.Error) as error:
        # pyvo lets these through for a lock file that is stale or not one
        raise NoHubError(f"its lock file is of no use: {error}") from error
    return params


def start_hub() -> samp.SAMPHubServer:
    """Start a hub (standard profile) inside this process; it ends with ``stop()`` or the process.

    Raises
    ------
    UserError
        Another hub runs already.
    """
    try:
        running_hub()
    except NoHubError:
        with local_addresses(), _silence():
            hub = samp.SAMPHubServer(addr="127.0.0.1", web_profile=False, label="vo-emline")
            hub.start()
        return hub
    raise UserError("a SAMP hub is running already; connect to it instead of starting another")


def stop_hub(hub: samp.SAMPHubServer) -> None:
    """End a hub that :func:`start_hub` began; its clients are told."""
    with _silence():
        hub.stop()


@contextmanager
def local_addresses() -> Iterator[None]:
    """Keep pyvo from asking a public web server whether there is an internet."""
    with samp.conf.set_temp("use_internet", False):
        yield


@contextmanager
def _silence() -> Iterator[None]:
    """Keep pyvo's "Hub started" off standard output, where results go."""
    level = astropy_log.level
    astropy_log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        astropy_log.setLevel(level)
