"""Candidates that are loaded in TOPCAT or Aladin too."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
from astropy.table import Row

from vo_emline.client.local import table_id, votable_copy
from vo_emline.client.samp import Delivery, LinkedTable, SampSession, SpectrumReference, send_spectrum
from vo_emline.client.samp.messages import VOTABLE, TableReference
from vo_emline.errors import UserError

if TYPE_CHECKING:
    from vo_emline.client.candidates import Candidates


class LinkedCandidates:
    """Candidates shared with other applications over SAMP. Made by :meth:`Candidates.samp`.

    A row highlighted there is :attr:`highlighted` here, rows selected there
    are :attr:`selection`; :meth:`highlight`, :meth:`select` and
    :meth:`point_at` work the other way. Rows count from 0.

    Parameters
    ----------
    candidates
        What is shared.
    session
        The connection to the hub.
    name
        Title of the table there.
    """

    def __init__(self, candidates: Candidates, session: SampSession, *, name: str = "") -> None:
        self.candidates = candidates
        self.session = session
        self.link = LinkedTable(session, table_reference(candidates, name=name))
        """The same on the level of SAMP messages."""
        self.deliveries: tuple[Delivery, ...] = ()
        """What each application answered to the table."""

    def __repr__(self) -> str:
        """Say who has the table."""
        holders = "; ".join(map(str, self.deliveries)) or "nobody yet"
        return f"<{len(self.candidates)} candidates linked over SAMP: {holders}>"

    def __enter__(self) -> Self:
        """Give the link itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no more."""
        self.close()

    def load(self, *, to: str | None = None) -> tuple[Delivery, ...]:
        """Ask applications to load the table."""
        self.deliveries = self.link.load(to=to)
        return self.deliveries

    def highlight(self, row: int, *, to: str | None = None) -> tuple[Delivery, ...]:
        """Highlight a row in other applications."""
        return self.link.highlight(self._checked(row), to=to)

    def select(self, rows: npt.ArrayLike, *, to: str | None = None) -> tuple[Delivery, ...]:
        """Select rows in other applications.

        Parameters
        ----------
        rows
            Row numbers, or a mask with one truth value per row.
        to
            Name of one application; None for all.
        """
        chosen = np.asarray(rows)
        numbers = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        return self.link.select([self._checked(int(number)) for number in numbers], to=to)

    def point_at(self, row: int, *, to: str | None = None) -> tuple[Delivery, ...]:
        """Make other applications look at the position of a row."""
        position = self.candidates.skycoord[self._checked(row)]
        return self.link.point_at(position.ra.deg, position.dec.deg, to=to)

    def send_spectrum(
        self, row: int, *, to: str | None = None, as_table: bool | None = None
    ) -> tuple[Delivery, ...]:
        """Show the spectrum of a row in SPLAT, or as a table in TOPCAT (see :func:`send_spectrum`)."""
        url = self.candidates.spectrum_urls[self._checked(row)]
        reference = spectrum_reference(self.candidates.table[row], url)
        return send_spectrum(self.session, reference, to=to, as_table=as_table)

    @property
    def highlighted(self) -> int | None:
        """The row that was highlighted elsewhere last."""
        return self.link.highlighted

    @property
    def selection(self) -> Candidates:
        """The candidates that were selected elsewhere last."""
        chosen: Candidates = self.candidates[list(self.link.selected)]
        return chosen

    def on_highlight(self, callback: Callable[[int], None]) -> None:
        """Call `callback` with the row whenever one is highlighted elsewhere."""
        self.link.on_highlight(callback)

    def on_select(self, callback: Callable[[Candidates], None]) -> None:
        """Call `callback` with the chosen candidates whenever rows are selected elsewhere."""
        self.link.on_select(lambda rows: callback(self.candidates[list(rows)]))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until something is highlighted, selected or pointed at elsewhere; False when time runs out."""
        return self.link.wait(timeout)

    def close(self) -> None:
        """Listen no more; the table stays where it was loaded, and :meth:`Client.close` leaves the hub."""
        self.link.close()

    def _checked(self, row: int) -> int:
        if not 0 <= row < len(self.candidates):
            raise UserError(f"there is no row {row}; rows count from 0 to {len(self.candidates) - 1}")
        return row


def table_reference(candidates: Candidates, *, name: str = "") -> TableReference:
    """Give the address and the stable identifier under which candidates are shared.

    Results of a search are shared by the service's address, which brings the
    service descriptors along; others (slices, jobs, uploads) by a file in
    the cache folder that is named by its content.
    """
    url = candidates.url or votable_copy(candidates.table, "candidates").as_uri()
    return TableReference(url, table_id(url), name or f"Emission-line candidates ({len(candidates)})")


def spectrum_reference(row: Row, url: str) -> SpectrumReference:
    """Describe the spectrum of a row to other applications.

    Parameters
    ----------
    row
        A row of a result; designation, identifiers, position and format are
        taken from it where it has them.
    url
        Address of the spectrum.
    """
    identifier = _text(row, "obs_publisher_did") or url
    return SpectrumReference(
        url=url,
        name=_text(row, "designation") or identifier,
        identifier=identifier,
        media_type=_text(row, "access_format") or VOTABLE,
        position=_position(row),
    )


def _text(row: Row, name: str) -> str:
    return str(row[name]) if name in row.colnames and not np.ma.is_masked(row[name]) else ""


def _position(row: Row) -> tuple[float, float] | None:
    if not {"ra", "dec"} <= set(row.colnames):
        return None
    ra, dec = row["ra"], row["dec"]
    return None if np.ma.is_masked(ra) or np.ma.is_masked(dec) else (float(ra), float(dec))
