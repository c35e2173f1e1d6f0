"""A table loaded on both sides: rows highlighted or selected here are so there, and back; spectra sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from vo_emline.client.samp import messages
from vo_emline.client.samp.messages import Delivery, Receiver, RefusedError, SpectrumReference, TableReference
from vo_emline.client.samp.session import REPLY_TIMEOUT, SampSession
from vo_emline.errors import UserError

SETTLING: Final = 5.0
"""Seconds after a load in which a refusal is not believed: TOPCAT says that it
has loaded a table a moment before it knows it by its table-id."""


class LinkedTable:
    """A table that other applications hold too, under one URL and table-id.

    Parameters
    ----------
    session
        The connection to the hub.
    table
        How both sides name the table.

    Notes
    -----
    Messages on other tables are ignored. Callbacks run in the SAMP thread.
    """

    def __init__(self, session: SampSession, table: TableReference) -> None:
        self.session = session
        self.table = table
        self.highlighted: int | None = None
        """Row that another application highlighted last, from 0."""
        self.selected: tuple[int, ...] = ()
        """Rows that another application selected last, from 0."""
        self.pointed_at: tuple[float, float] | None = None
        """Position (ICRS, deg) that another application pointed at last."""
        self._highlight_callbacks: list[Callable[[int], None]] = []
        self._select_callbacks: list[Callable[[tuple[int, ...]], None]] = []
        self._events = 0
        self._settled = 0.0
        self._changed = threading.Condition()
        self._handlers = {
            messages.HIGHLIGHT_ROW: self._on_highlight,
            messages.SELECT_ROWS: self._on_select,
            messages.POINT_AT_SKY: self._on_point,
        }
        session.listen(self._handlers)

    def load(self, *, to: str | None = None, timeout: float = REPLY_TIMEOUT) -> tuple[Delivery, ...]:
        """Ask applications to load the table, and wait until they say that they did.

        Parameters
        ----------
        to
            Name of one application; None for all that load VOTables.
        timeout
            Seconds to wait for answers. (Aladin loads a table but never
            answers: it is notified, and nothing is waited for.)

        Raises
        ------
        UserError
            Nobody on the hub loads VOTables, or nobody has that name.
        RefusedError
            Nobody did load it.
        """
        receivers = self.session.find(to, messages.TABLE_LOAD)
        deliveries = self.session.send(messages.load_table(self.table), receivers, timeout=timeout)
        self._settled = time.monotonic() + SETTLING
        self.session.declare()  # whoever has just come up may have missed the first declaration
        return deliveries

    def highlight(
        self, row: int, *, to: str | None = None, timeout: float = REPLY_TIMEOUT
    ) -> tuple[Delivery, ...]:
        """Highlight one row (from 0) in other applications."""
        receivers = self.session.find(to, messages.HIGHLIGHT_ROW)
        return self._send(messages.highlight_row(self.table, row), receivers, timeout)

    def select(
        self, rows: Sequence[int], *, to: str | None = None, timeout: float = REPLY_TIMEOUT
    ) -> tuple[Delivery, ...]:
        """Select rows (from 0) in other applications; TOPCAT makes a subset of them."""
        receivers = self.session.find(to, messages.SELECT_ROWS)
        return self._send(messages.select_rows(self.table, rows), receivers, timeout)

    def point_at(
        self, ra: float, dec: float, *, to: str | None = None, timeout: float = REPLY_TIMEOUT
    ) -> tuple[Delivery, ...]:
        """Make other applications look at a position (ICRS, deg)."""
        receivers = self.session.find(to, messages.POINT_AT_SKY)
        return self.session.send(messages.point_at_sky(ra, dec), receivers, timeout=timeout)

    def on_highlight(self, callback: Callable[[int], None]) -> None:
        """Call `callback` with the row whenever another application highlights one."""
        self._highlight_callbacks.append(callback)

    def on_select(self, callback: Callable[[tuple[int, ...]], None]) -> None:
        """Call `callback` with the rows whenever another application selects some."""
        self._select_callbacks.append(callback)

    def close(self) -> None:
        """Listen no more; the table stays where it was loaded."""
        for mtype, handler in self._handlers.items():
            self.session.ignore(mtype, handler)

    @property
    def events(self) -> int:
        """How many messages on this table (or on positions) have arrived so far."""
        return self._events

    def wait(self, timeout: float | None = None, *, after: int | None = None) -> bool:
        """Wait until another application sends something about this table.

        Parameters
        ----------
        timeout
            Seconds; None waits for ever.
        after
            Value of :attr:`events` beyond which to wait; None for now.

        Returns
        -------
        bool
            False where the time ran out.
        """
        with self._changed:
            seen = self._events if after is None else after
            return self._changed.wait_for(lambda: self._events > seen, timeout)

    def _send(
        self, message: messages.Message, receivers: Sequence[Receiver], timeout: float
    ) -> tuple[Delivery, ...]:
        """Send a message on the table, again and again while a receiver is still settling."""
        while True:
            try:
                return self.session.send(message, receivers, timeout=timeout)
            except RefusedError:
                if time.monotonic() > self._settled:
                    raise
                time.sleep(0.2)

    def _on_highlight(self, _sender: str, params: dict[str, Any]) -> None:
        if self.table.matches(params):
            row = messages.row_of(params)
            self.highlighted = row
            for callback in self._highlight_callbacks:
                callback(row)
            self._notify()

    def _on_select(self, _sender: str, params: dict[str, Any]) -> None:
        if self.table.matches(params):
            rows = messages.rows_of(params)
            self.selected = rows
            for callback in self._select_callbacks:
                callback(rows)
            self._notify()

    def _on_point(self, _sender: str, params: dict[str, Any]) -> None:
        self.pointed_at = messages.position_of(params)
        self._notify()

    def _notify(self) -> None:
        with self._changed:
            self._events += 1
            self._changed.notify_all()


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
    message = messages.load_spectrum_as_table(spectrum) if table else messages.load_spectrum(spectrum)
    return session.send(message, receivers, timeout=timeout)


def choose_way(
    session: SampSession, *, to: str | None, as_table: bool | None
) -> tuple[bool, tuple[Receiver, ...]]:
    """Decide whether a spectrum goes as a table, and to whom."""
    if as_table is not None:
        return as_table, session.find(to, messages.TABLE_LOAD if as_table else messages.SPECTRUM_LOAD)
    try:
        return False, session.find(to, messages.SPECTRUM_LOAD)
    except UserError:
        return True, session.find(to, messages.TABLE_LOAD)
