"""``vo-emline samp``: tables and spectra to TOPCAT, Aladin and SPLAT, and back."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vo_emline.cli.selection import Selection, plain_warnings, selection_options, service_option
from vo_emline.cli.show import facts, text_picture
from vo_emline.errors import EmlineError

if TYPE_CHECKING:
    from vo_emline.client import Candidates
    from vo_emline.client.linked import LinkedCandidates
    from vo_emline.client.samp import Delivery, SpectrumReference, TableReference

to_option = click.option(
    "--to", metavar="NAME", help="One application, by (the beginning of) its name. [default: all]"
)
hub_option = click.option("--start-hub", is_flag=True, help="Start a hub where none is running.")
timeout_option = click.option(
    "--timeout", type=float, default=30.0, show_default=True, help="Seconds to wait for answers."
)


@click.group()
def samp() -> None:
    """Send tables and spectra to TOPCAT, Aladin and SPLAT; listen to them.

    TOPCAT and Aladin bring a SAMP hub with them: start one of them first, or
    a hub alone with `vo-emline samp hub`.

    \b
    Examples:
      vo-emline samp clients
      vo-emline samp send table --label double-peak --min-score 0.9
      vo-emline samp send spectrum EML-0123456789abcdef --to splat
      vo-emline samp listen --label double-peak
    """


@samp.command()
def clients() -> None:
    """List the applications on the hub and what they accept."""
    from vo_emline.client.samp import SampSession, messages

    kinds = {"tables": messages.TABLE_LOAD, "spectra": messages.SPECTRUM_LOAD, "rows": messages.HIGHLIGHT_ROW}
    with SampSession.connect() as session:
        for receiver in session.receivers():
            accepted = ", ".join(kind for kind, mtype in kinds.items() if receiver.accepts(mtype))
            click.echo(f"{receiver.name}\t{accepted or '-'}\t{receiver.description}")


@samp.command()
def hub() -> None:
    """Run a SAMP hub until interrupted (Ctrl-C)."""
    from vo_emline.client.samp import start_hub, stop_hub

    running = start_hub()
    click.echo("SAMP hub running; Ctrl-C ends it")
    try:
        with suppress(KeyboardInterrupt):
            while running.is_running:
                time.sleep(0.5)
    finally:
        stop_hub(running)


@samp.group()
def send() -> None:
    """Send a table or spectra to other applications."""


@send.command()
@selection_options
@to_option
@hub_option
@timeout_option
def table(*, selection: Selection, to: str | None, start_hub: bool, timeout: float) -> None:
    """Send a table: the rows of a query, a file, or an address.

    In place of ADQL the argument may be a file (VOTable, FITS, CSV, ECSV,
    Parquet) or the http(s) address of a VOTable.

    \b
    Examples:
      vo-emline samp send table --label double-peak --min-score 0.9 --to topcat
      vo-emline samp send table "SELECT TOP 500 * FROM emline.scores ORDER BY score DESC"
      vo-emline samp send table cone.vot
    """
    from vo_emline.client.samp import LinkedTable, SampSession

    with SampSession.connect(start=start_hub) as session:
        link = LinkedTable(session, _table_reference(selection))
        _tell(link.load(to=to, timeout=timeout))


@send.command()
@click.argument("spectra", nargs=-1, required=True)
@service_option
@to_option
@hub_option
@timeout_option
@click.option(
    "--as-table/--as-spectrum",
    default=None,
    help="Insist on one of the two messages. [default: as spectrum where that is understood]",
)
def spectrum(
    *,
    spectra: tuple[str, ...],
    service: str | None,
    to: str | None,
    start_hub: bool,
    timeout: float,
    as_table: bool | None,
) -> None:
    """Send spectra: candidate ids, designations, publisher DIDs, files or addresses.

    SPLAT-VO and other programs that know spectrum.load.ssa-generic get a
    spectrum; TOPCAT and Aladin get its table.

    \b
    Examples:
      vo-emline samp send spectrum EML-0123456789abcdef --to splat
      vo-emline samp send spectrum spec-*.fits --to topcat
    """
    from vo_emline.client.samp import SampSession, send_spectrum

    references = [_spectrum_reference(one, service) for one in spectra]
    with SampSession.connect(start=start_hub) as session:
        for reference in references:
            _tell(send_spectrum(session, reference, to=to, as_table=as_table, timeout=timeout))


@samp.command()
@selection_options
@to_option
@hub_option
@click.option(
    "--forward", metavar="NAME", help="Send the spectrum of each highlighted row to this application."
)
@click.option(
    "--png", type=click.Path(path_type=Path, file_okay=False), help="Write pictures into this folder."
)
@click.option(
    "--save", type=click.Path(path_type=Path), help="Write each selection to this file (.csv, .vot, …)."
)
@click.option("--events", type=click.IntRange(1), help="Stop after so many messages. [default: Ctrl-C]")
def listen(
    *,
    selection: Selection,
    to: str | None,
    start_hub: bool,
    forward: str | None,
    png: Path | None,
    save: Path | None,
    events: int | None,
) -> None:
    """Load rows in TOPCAT, then follow it: highlight a row there, see its spectrum here.

    A highlighted row is drawn in the terminal (or as PNG, or sent on to
    SPLAT); a selection of rows is listed (or saved).

    \b
    Examples:
      vo-emline samp listen --label double-peak --to topcat
      vo-emline samp listen --label emission --forward splat
      vo-emline samp listen --min-score 0.9 --save chosen.csv
    """
    client = selection.connect()
    with plain_warnings():
        rows = selection.run(client)
    with rows.samp(to=to, start_hub=start_hub) as linked:
        _tell(linked.deliveries)
        with suppress(KeyboardInterrupt):
            Follower(linked, forward=forward, png=png, save=save).follow(events)


def _table_reference(selection: Selection) -> TableReference:
    from vo_emline.client.linked import table_of_file, table_of_url, table_reference

    source = selection.adql or ""
    if source.startswith(("http://", "https://")):
        return table_of_url(source)
    if source and Path(source).suffix and Path(source).is_file():
        return table_of_file(Path(source))
    with plain_warnings():
        return table_reference(selection.run(selection.connect()))


def _spectrum_reference(source: str, service: str | None) -> SpectrumReference:
    from vo_emline.client import connect
    from vo_emline.client.linked import spectrum_of_file, spectrum_of_url, spectrum_reference

    if source.startswith(("http://", "https://")):
        return spectrum_of_url(source)
    if Path(source).is_file():
        return spectrum_of_file(Path(source))
    row = connect(service).find(source)
    return spectrum_reference(row, str(row["access_url"]))


def _tell(deliveries: Iterable[Delivery]) -> None:
    for delivery in deliveries:
        click.echo(str(delivery))


class Follower:
    """Shows highlighted rows and selections of linked candidates.

    Messages are queued by the SAMP thread and worked off in this one, so
    that a slow download never holds up the sender.

    Parameters
    ----------
    linked
        The candidates shared with other applications.
    forward
        Application that gets the spectrum of each highlighted row.
    png
        Folder for a picture of each highlighted row.
    save
        File for the selected rows; each selection replaces the one before.
    """

    def __init__(
        self,
        linked: LinkedCandidates[Candidates],
        *,
        forward: str | None,
        png: Path | None,
        save: Path | None,
    ) -> None:
        self.linked = linked
        self.forward = forward
        self.png = png
        self.save = save
        self._received: queue.Queue[int | Candidates] = queue.Queue()
        linked.on_highlight(self._received.put)
        linked.on_select(self._received.put)
        self._catch_up()

    def _catch_up(self) -> None:
        """Take what came between the table's loading there and now: senders do not repeat it."""
        if not self._received.empty():
            return
        if self.linked.highlighted is not None:
            self._received.put(self.linked.highlighted)
        elif self.linked.link.selected:
            self._received.put(self.linked.selection)

    def follow(self, events: int | None = None) -> None:
        """Work off messages: so many, or until interrupted."""
        click.echo("listening; highlight or select rows there, Ctrl-C ends it")
        done = 0
        while events is None or done < events:
            try:
                item = self._received.get(timeout=0.5)
            except queue.Empty:
                continue
            try:
                self._show_row(item) if isinstance(item, int) else self._show_selection(item)
            except EmlineError as error:
                click.secho(f"error: {error}", fg="red", err=True)
            done += 1

    def _show_row(self, row: int) -> None:
        if self.forward is not None:
            for delivery in self.linked.send_spectrum(row, to=self.forward):
                click.echo(str(delivery))
            return
        if self.png is not None:
            click.echo(str(self._picture(row, self.png)))
            return
        spectrum = self.linked.candidates.spectrum(row)
        values = self.linked.candidates[row]
        for line in facts(spectrum, values):
            click.echo(line)
        click.echo(text_picture(spectrum, width=80, half_width=60.0))

    def _picture(self, row: int, folder: Path) -> Path:
        from vo_emline.client.drawing import one
        from vo_emline.plots import save

        values = self.linked.candidates[row]
        name = str(values["candidate_id"])
        path = folder / f"{name}.png"
        save(one(self.linked.candidates.spectrum(row), title=name, row=values), path)
        return path

    def _show_selection(self, chosen: Candidates) -> None:
        click.echo(repr(chosen))
        if self.save is not None:
            chosen.write(self.save)
            click.echo(f"{len(chosen)} rows in {self.save}")
