"""The command line: ``vo-emline``. Commands are imported when they are used."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from vo_emline.cli.messages import INTERRUPTED, failure
from vo_emline.progress import allow_lines, set_quiet

ENTRY_POINTS = "vo_emline.commands"
"""Entry-point group through which other packages (the service) add commands."""

COMMANDS = {
    "open": (ENTRY_POINTS, "Classify a folder of spectra and look at them in the browser."),
    "demo": ("vo_emline.cli.demo:demo", "The whole chain on a simulated archive, to see it work."),
    "run": ("vo_emline.cli.run:run", "Train on labelled spectra, classify a survey, build the release."),
    "train": ("vo_emline.cli.train:train", "Train a network on labelled spectra; adapt it to a survey."),
    "classify": ("vo_emline.cli.classify:classify", "Classify FITS files or folders, one row per file."),
    "classify-survey": (
        "vo_emline.cli.classify_survey:classify_survey",
        "Classify millions of spectra; resumable, on one machine or many.",
    ),
    "evaluate": ("vo_emline.cli.evaluate:evaluate", "Measure a trained run on real spectra; a report."),
    "audit": ("vo_emline.cli.audit:audit", "Quality of a whole catalogue from a sample you label."),
    "publish": ("vo_emline.cli.publish:publish", "Build the release of a survey; load it into PostgreSQL."),
    "serve": (ENTRY_POINTS, "Publish a run (or a folder of spectra) by TAP, SSA and DataLink."),
    "label": (ENTRY_POINTS, "Queues and labels of people: make, export, compare, invite."),
    "query": ("vo_emline.cli.query:query", "Ask a candidate service: ADQL, or class, score and position."),
    "show": ("vo_emline.cli.show:show", "Show one spectrum in the terminal or as PNG."),
    "download": ("vo_emline.cli.download:download", "Download the spectra of a query."),
    "cache": ("vo_emline.cli.cache:cache", "Look at, or empty, the cache of downloaded spectra."),
    "samp": ("vo_emline.cli.samp:samp", "Send tables and spectra to TOPCAT and SPLAT; listen to them."),
    "fetch": ("vo_emline.cli.fetch:fetch", "Fetch spectra from Ondřejov, LAMOST or any SSA archive."),
    "ingest": ("vo_emline.cli.ingest:ingest", "Read a mirror of files once, into a store of windows."),
    "simulate-survey": (
        "vo_emline.cli.simulate_survey:simulate_survey",
        "Simulate a survey of any size, as a store of windows or as FITS.",
    ),
    "export": (
        "vo_emline.cli.export:export",
        "Write a release as a catalogue for VizieR, or tables for a journal.",
    ),
    "hats": ("vo_emline.cli.hats:hats", "Write a release as a HATS catalogue, for LSDB."),
    "adql": (ENTRY_POINTS, "Check and explain ADQL queries."),
    "registry": (ENTRY_POINTS, "Write and check the records that put a service into the registries."),
    "service": (ENTRY_POINTS, "Check a running service; report slow queries from its log."),
}
"""Command name → (``module:attribute`` or the entry-point group, one line of help)."""


class LazyGroup(click.Group):
    """A group whose commands are named by ``module:attribute`` and imported on first use."""

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order a newcomer meets them."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and give the command called `cmd_name`, or None."""
        if cmd_name not in self.lazy:
            return None
        target, _ = self.lazy[cmd_name]
        if target == ENTRY_POINTS:
            from importlib.metadata import entry_points  # slow to import

            (entry,) = entry_points(group=ENTRY_POINTS, name=cmd_name)
            loaded = entry.load()
        else:
            module, attribute = target.split(":")
            loaded = getattr(import_module(module), attribute)
        if not isinstance(loaded, click.Command):
            raise TypeError(f"{target} is not a click command")
        return loaded

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their one-line help, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.lazy.items()])


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="vo-emline")
@click.option("--quiet", "-q", is_flag=True, help="No progress, no remarks; results and errors only.")
@click.option("--verbose", "-v", count=True, help="More remarks (-v) or everything (-vv).")
def app(*, quiet: bool, verbose: int) -> None:
    """Find emission-line stars in large spectral archives and publish them in the Virtual Observatory.

    Start with `vo-emline demo`; then `vo-emline run --help` for your own spectra.
    """
    set_quiet(quiet)
    allow_lines()
    level = logging.ERROR if quiet else (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    handler = logging.StreamHandler()
    handler.setLevel(level)  # on the handler: a run logs more to its file than to the terminal
    logging.basicConfig(level=level, handlers=[handler], format="%(levelname)s %(name)s: %(message)s")
    if not verbose:  # each of its retries would be a line; what is wrong in the end our errors say
        logging.getLogger("urllib3").setLevel(logging.ERROR)


def main() -> None:
    """Run the command line; errors of the program end it with one line and their exit code."""
    try:
        sys.exit(app(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (Exception, KeyboardInterrupt) as error:
        ending = failure(error)
        if ending is None:
            raise
        message, code = ending
        click.secho(message, fg="yellow" if code == INTERRUPTED else "red", err=True)
        sys.exit(code)
