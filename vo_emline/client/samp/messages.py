"""The SAMP messages the program speaks, as plain maps, and what became of them at each receiver.

SAMP knows strings, lists and maps only (SAMP 1.3, section 3.3): numbers
travel as text. The MTypes are those of the SAMP MType vocabulary,
http://www.ivoa.net/rdf/samp (table.*, spectrum.*, coord.*).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from vo_emline.errors import ArchiveError

Message = dict[str, Any]
"""``samp.mtype`` and ``samp.params``, ready to be sent."""

Status = Literal["ok", "warning", "error", "no reply", "notified"]

SILENT: Final = ("aladin",)
"""Beginnings of the names (lower case) of applications that act on messages but never answer a call: they
are notified, which asks for no answer."""

TABLE_LOAD: Final = "table.load.votable"
HIGHLIGHT_ROW: Final = "table.highlight.row"
SELECT_ROWS: Final = "table.select.rowList"
POINT_AT_SKY: Final = "coord.pointAt.sky"
SPECTRUM_LOAD: Final = "spectrum.load.ssa-generic"

VOTABLE: Final = "application/x-votable+xml"
"""The media type by which SPLAT recognises a VOTable."""
FITS: Final = "application/fits"
"""The media type by which SPLAT recognises a FITS table or image."""


@dataclass(frozen=True, slots=True)
class TableReference:
    """How applications know that they speak of the same table."""

    url: str
    """Where the VOTable lies; the same for as long as the table is the same."""
    table_id: str
    """Identifier by which later messages name the table."""
    name: str
    """Title shown to people."""

    def matches(self, params: Mapping[str, Any]) -> bool:
        """Tell whether a received message speaks of this table.

        ``table-id`` decides where the sender gives one, else ``url``
        (at least one of them is present in ``table.*`` messages).
        """
        if params.get("table-id"):
            return bool(params["table-id"] == self.table_id)
        return bool(params.get("url") == self.url)

    def params(self) -> dict[str, Any]:
        """Give the parameters shared by all messages on this table."""
        return {"url": self.url, "table-id": self.table_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectrumReference:
    """One spectrum to be shown by another application."""

    url: str
    name: str
    """Name of the target."""
    identifier: str
    """Publisher dataset identifier; the URL where there is none."""
    media_type: str = VOTABLE
    axes: tuple[str, str] = ("wavelength", "flux")
    """Names of the columns that hold the spectral and the flux axis."""
    units: tuple[str, str] = ("Angstrom", "")
    """Units of the two axes as VOUnits; empty for a relative flux."""
    position: tuple[float, float] | None = None
    """Right ascension and declination, ICRS, deg."""

    def meta(self) -> dict[str, str]:
        """Describe the spectrum by SSA utypes without namespace, and by the keys that SPLAT reads."""
        found = {
            "Access.Reference": self.url,
            "Access.Format": self.media_type,
            "Target.Name": self.name,
            "Curation.PublisherDID": self.identifier,
            "Dataset.SpectralAxis": self.axes[0],
            "Dataset.FluxAxis": self.axes[1],
            "Char.SpectralAxis.Name": self.axes[0],
            "Char.SpectralAxis.Unit": self.units[0],
            "Char.FluxAxis.Name": self.axes[1],
            "Char.FluxAxis.Unit": self.units[1],
            "vox:spectrum_axes": " ".join(self.axes),
            "vox:spectrum_units": " ".join(self.units).strip(),
        }
        if self.position is not None:
            found["Char.SpatialAxis.Coverage.Location.Value"] = f"{self.position[0]} {self.position[1]}"
        return {key: value for key, value in found.items() if value}


def _message(mtype: str, params: Mapping[str, Any]) -> Message:
    return {"samp.mtype": mtype, "samp.params": dict(params)}


def load_table(table: TableReference) -> Message:
    """Ask to load a VOTable."""
    return _message(TABLE_LOAD, table.params() | {"name": table.name})


def highlight_row(table: TableReference, row: int) -> Message:
    """Ask to highlight one row, counted from 0."""
    return _message(HIGHLIGHT_ROW, table.params() | {"row": str(int(row))})


def select_rows(table: TableReference, rows: Sequence[int]) -> Message:
    """Ask to select rows, counted from 0."""
    return _message(SELECT_ROWS, table.params() | {"row-list": [str(int(row)) for row in rows]})


def point_at_sky(ra: float, dec: float) -> Message:
    """Ask to look at a position (ICRS, deg)."""
    return _message(POINT_AT_SKY, {"ra": str(float(ra)), "dec": str(float(dec))})


def load_spectrum(spectrum: SpectrumReference) -> Message:
    """Ask to load a spectrum, with the metadata of an SSA row."""
    params = {
        "url": spectrum.url,
        "spectrum-id": spectrum.identifier,
        "name": spectrum.name,
        "meta": spectrum.meta(),
    }
    return _message(SPECTRUM_LOAD, params)


def load_spectrum_as_table(spectrum: SpectrumReference) -> Message:
    """Ask an application without the spectrum message to load the spectrum's table."""
    return load_table(TableReference(spectrum.url, spectrum.identifier, spectrum.name))


def row_of(params: Mapping[str, Any]) -> int:
    """Read the row of a received ``table.highlight.row``."""
    return int(params["row"])


def rows_of(params: Mapping[str, Any]) -> tuple[int, ...]:
    """Read the rows of a received ``table.select.rowList``."""
    return tuple(int(row) for row in params["row-list"])


def position_of(params: Mapping[str, Any]) -> tuple[float, float]:
    """Read right ascension and declination (deg) of a received ``coord.pointAt.sky``."""
    return float(params["ra"]), float(params["dec"])


@dataclass(frozen=True, slots=True)
class Receiver:
    """An application on the hub."""

    id: str
    """Public identifier the hub gave it."""
    name: str
    """``samp.name`` (``topcat``), or the identifier where it declares none."""
    description: str
    mtypes: tuple[str, ...]
    """Messages it subscribed to; they may end with ``.*``."""

    @property
    def is_silent(self) -> bool:
        """Whether it never answers."""
        return self.name.lower().startswith(SILENT)

    def accepts(self, mtype: str) -> bool:
        """Tell whether it subscribed to `mtype` (SAMP 1.3, section 3.7: ``*`` stands for the rest)."""
        return any(
            pattern in ("*", mtype) or (pattern.endswith(".*") and mtype.startswith(pattern[:-1]))
            for pattern in self.mtypes
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """The outcome of one message at one receiver."""

    receiver: Receiver
    status: Status
    text: str = ""
    """What the receiver said, where it said something."""

    @property
    def accepted(self) -> bool:
        """Whether the receiver acted on the message (perhaps with a warning), or cannot tell us."""
        return self.status in ("ok", "warning", "notified")

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.receiver.name}: {self.status}" + (f" ({self.text})" if self.text else "")


class RefusedError(ArchiveError):
    """No application on the hub acted on a message.

    Parameters
    ----------
    deliveries
        What each receiver answered.
    """

    def __init__(self, deliveries: Iterable[Delivery]) -> None:
        self.deliveries = tuple(deliveries)
        answers = "; ".join(map(str, self.deliveries))
        super().__init__(f"no application acted on the message: {answers}", retry=True)


def read_response(receiver: Receiver, response: Mapping[str, Any]) -> Delivery:
    """Turn a SAMP response map into a delivery (SAMP 1.3, section 3.10)."""
    statuses: dict[str, Status] = {"samp.ok": "ok", "samp.warning": "warning"}
    error = response.get("samp.error") or {}
    status = statuses.get(str(response.get("samp.status")), "error")
    return Delivery(receiver, status, str(error.get("samp.errortxt", "")))


class Exchange:
    """Collects the answers to one message sent to several receivers."""

    def __init__(self, receivers: Iterable[Receiver]) -> None:
        self._waiting = {receiver.id: receiver for receiver in receivers}
        self._answers: dict[str, Delivery] = {}
        self._changed = threading.Condition()

    def receive(self, _key: str, responder: str, _tag: str, response: Mapping[str, Any]) -> None:
        """Note an answer; called by the SAMP client from its own thread."""
        with self._changed:
            if responder in self._waiting:
                self._answers[responder] = read_response(self._waiting[responder], response)
                self._changed.notify_all()

    def settle(self, delivery: Delivery) -> None:
        """Note what is known without an answer: the hub could not pass the message on, or none is due."""
        with self._changed:
            self._answers[delivery.receiver.id] = delivery
            self._changed.notify_all()

    def wait(self, timeout: float) -> tuple[Delivery, ...]:
        """Wait for all answers, at most `timeout` seconds, and give one delivery per receiver."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._answers) == len(self._waiting), timeout)
            silent = f"no answer within {timeout:g} s"
            return tuple(
                self._answers.get(identifier, Delivery(receiver, "no reply", silent))
                for identifier, receiver in self._waiting.items()
            )
