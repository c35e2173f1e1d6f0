"""Sending a spectrum: by the spectrum message where it is understood, as a table elsewhere."""

from __future__ import annotations

from vo_emline.client.samp.delivery import Delivery, Receiver
from vo_emline.client.samp.messages import (
    SPECTRUM_LOAD,
    TABLE_LOAD,
    SpectrumReference,
    load_spectrum,
    load_spectrum_as_table,
)
from vo_emline.client.samp.session import REPLY_TIMEOUT, SampSession
from vo_emline.errors import UserError


def send_spectrum(
    session: SampSession,
    spectrum: SpectrumReference,
    *,
    to: str | None = None,
    as_table: bool | None = None,
    timeout: float = REPLY_TIMEOUT,
) -> tuple[Delivery, ...]:
    """Show a spectrum in other applications.

    ``spectrum.load.ssa-generic`` is sent as a *call* with metadata: by a
    notification SPLAT would guess the type of the file, and nobody would
    tell whether it could be shown.

    Parameters
    ----------
    spectrum
        What to show.
    to
        Name of one application; None for all that can show it.
    as_table
        True sends the spectrum's table (``table.load.votable``) instead;
        None does so where nobody understands the spectrum message (TOPCAT
        and Aladin do not).
    timeout
        Seconds to wait for answers.

    Raises
    ------
    UserError
        Nobody on the hub can show it.
    RefusedError
        Nobody did show it.
    """
    table, receivers = choose_way(session, to=to, as_table=as_table)
    message = load_spectrum_as_table(spectrum) if table else load_spectrum(spectrum)
    return session.send(message, receivers, timeout=timeout)


def choose_way(
    session: SampSession, *, to: str | None, as_table: bool | None
) -> tuple[bool, tuple[Receiver, ...]]:
    """Decide whether a spectrum goes as a table, and to whom."""
    if as_table is not None:
        return as_table, session.find(to, TABLE_LOAD if as_table else SPECTRUM_LOAD)
    try:
        return False, session.find(to, SPECTRUM_LOAD)
    except UserError:
        return True, session.find(to, TABLE_LOAD)
