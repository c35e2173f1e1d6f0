"""Following another application: what it highlights or selects is shown here."""

from __future__ import annotations

import queue
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vo_emline.cli.show import facts, text_picture
from vo_emline.errors import EmlineError

if TYPE_CHECKING:
    from vo_emline.client import Candidates
    from vo_emline.client.linked import LinkedCandidates


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
        self, linked: LinkedCandidates, *, forward: str | None, png: Path | None, save: Path | None
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
        values = self.linked.candidates.table[row]
        for line in facts(spectrum, values):
            click.echo(line)
        click.echo(text_picture(spectrum, width=80, half_width=60.0))

    def _picture(self, row: int, folder: Path) -> Path:
        from vo_emline.client.drawing import one
        from vo_emline.plots import save

        values = self.linked.candidates.table[row]
        name = str(values["candidate_id"])
        path = folder / f"{name}.png"
        save(one(self.linked.candidates.spectrum(row), title=name, label=str(values["label"])), path)
        return path

    def _show_selection(self, chosen: Candidates) -> None:
        click.echo(repr(chosen))
        if self.save is not None:
            chosen.write(self.save)
            click.echo(f"{len(chosen)} rows in {self.save}")
