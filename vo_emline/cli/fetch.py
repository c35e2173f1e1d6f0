"""``vo-emline fetch``: spectra from Ondřejov, LAMOST, or any archive that speaks SSA."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from vo_emline.archives import FetchOptions, FetchReport

_INCOMPLETE = 3
"""Exit code where asking again may bring more: the same as of an archive that does not answer."""

_EVERYTHING = 1_000_000
"""Rows to ask for where a whole archive is wanted."""


@click.group(no_args_is_help=True)
def fetch() -> None:
    """Fetch spectra into a folder that `vo-emline run` can use at once.

    The folder gets the spectra, index.csv (identifier, file, object, position, epoch, checksum), a manifest,
    and missing.csv with what could not be had and why. Start the same command again after any interruption:
    what is there is not asked for again.

    \b
    Examples:
      vo-emline fetch ondrejov --labels labels.csv --output ondrejov
      vo-emline fetch ssa ondrejov --target "gamma Cas" --output gam-cas
      vo-emline fetch lamost --obsids list.txt --output lamost
      vo-emline run --training ondrejov --labels labels.csv --survey lamost --output my-run

    Exit code 0: all there that can be had; 2: the command is wrong; 3: the archive does not answer, or more
    may come when you start the command again.
    """


def _common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that all ways of fetching share."""
    options = (
        click.option("--output", "-o", type=click.Path(file_okay=False, path_type=Path), required=True,
                     help="Folder for the spectra; may hold some already."),
        click.option("--limit", type=click.IntRange(min=1), help="Most spectra to fetch."),
        click.option("--offline", is_flag=True, help="Ask nobody; report what is there."),
        click.option("--again", is_flag=True, help="Ask also for what the archive refused before."),
        click.option("--budget", metavar="TIME", help="Time for all downloads: 90, 30min, 2h. Then it ends."),
        click.option("--concurrency", type=click.IntRange(1, 16), help="Requests in flight at a time."),
        click.option("--delay", type=click.FloatRange(min=0), help="Seconds between the starts of requests."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def query_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that make a query by SSA; :func:`ssa_query` reads them."""
    options = (
        click.option("--pos", metavar="RA,DEC",
                     help="Centre, ICRS: 14.177,60.717 (deg) or '00:56:42.5,+60:43:00'."),
        click.option("--size", default="0.1", show_default=True, metavar="ANGLE",
                     help="Diameter around it, in deg or with a unit (30arcmin)."),
        click.option("--band", metavar="MIN,MAX",
                     help="Spectra that overlap these wavelengths (Å or with a unit)."),
        click.option("--target", help="Name of the object as the archive spells it."),
        click.option("--time", metavar="FROM,TO", help="Dates of observation: 2010-01-01,2012-12-31."),
        click.option("--maxrec", type=click.IntRange(min=1), help="Most rows that the archive shall list."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def _processing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that processing services understand."""
    options = (
        click.option("--calibration",
                     help="FLUXCALIB to ask for: normalized, relative, UNCALIBRATED; 'none' for none. "
                     "[default: as configured for the archive]"),
        click.option("--cutout", metavar="MIN,MAX",
                     help="Wavelengths to keep, in Å or with a unit (651.9,673.2nm), in the archive's medium "
                     "(Ondřejov: air)."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@fetch.command()
@click.option("--labels", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="CSV with publisher DIDs in its column id; without it, the whole archive.")  # fmt: skip
@click.option("--service", metavar="URL", help="Address of another SSA service with the same spectra.")
@_processing
@_common
def ondrejov(*, labels: Path | None, service: str | None, **options: Any) -> None:
    """Fetch the Hα spectra of the Ondřejov 2 m telescope, continuum-normalised.

    \b
    Examples:
      vo-emline fetch ondrejov --labels ondrejov-labels.csv --output ondrejov
      vo-emline fetch ondrejov --labels ondrejov-labels.csv --output ondrejov --limit 100
      vo-emline fetch ondrejov --labels ondrejov-labels.csv --output ondrejov --cutout 6500,6750
      vo-emline fetch ondrejov --output everything --budget 2h

    The 13 334 labelled spectra are some 500 MB and take, at ten requests per second, at least 22 minutes.
    """
    from vo_emline.archives import SsaQuery, TapQuery, archives, fetch_spectra
    from vo_emline.archives.arguments import read_identifiers

    archive = archives().find_ssa("ondrejov")
    wanted: Any = TapQuery()
    if service:
        archive = archive.model_copy(update={"url": service, "tap": None})
        wanted = SsaQuery(maxrec=_EVERYTHING)
    if labels is not None:
        wanted = read_identifiers(labels)
    _finish(fetch_spectra(archive, wanted, options["output"], options=_fetch_options(options, archive)))


@fetch.command()
@click.argument("archive")
@query_options
@click.option("--ids", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="List of publisher DIDs instead of a query.")  # fmt: skip
@_processing
@_common
def ssa(*, archive: str, ids: Path | None, **options: Any) -> None:
    """Fetch spectra from any SSA service, by position, name, wavelength or list.

    ARCHIVE is an address or a name: `vo-emline fetch archives` lists the names.

    \b
    Examples:
      vo-emline fetch ssa ondrejov --pos 14.177,60.717 --size 0.1 --output gam-cas
      vo-emline fetch ssa ondrejov --target "HD 34452" --calibration normalized --output hd34452
      vo-emline fetch ssa http://localhost:8000/ssa --band 6500,6600 --output mine
      vo-emline fetch ssa lamost6-lrs --pos 156.026,26.351 --size 5arcmin --output lamost6
    """
    from vo_emline.archives import archives, fetch_spectra
    from vo_emline.archives.arguments import read_identifiers

    described = archives().find_ssa(archive)
    wanted = read_identifiers(ids) if ids else ssa_query(options)
    _finish(fetch_spectra(described, wanted, options["output"], options=_fetch_options(options, described)))


@fetch.command()
@click.option("--obsids", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Observation identifiers: one per line, or the column obsid of a CSV.")  # fmt: skip
@click.option("--pos", metavar="RA,DEC", help="Centre, ICRS, instead of a list.")
@click.option("--size", default="0.1", show_default=True, metavar="ANGLE", help="Diameter around it.")
@click.option("--sql", help="SQL query on the survey's catalogues that gives a column obsid.")
@click.option("--release", help="Data release, such as dr10.")
@click.option("--version", help="Its version, such as v2.0.")
@click.option("--mrs", is_flag=True, help="Medium-resolution spectra instead of low-resolution ones.")
@click.option("--token", envvar="LAMOST_TOKEN", help="For releases that are not public yet.")
@click.option("--service", metavar="URL", help="Address of another server with the same services.")
@_common
def lamost(**options: Any) -> None:
    """Fetch LAMOST spectra from the survey's own services.

    For more than some thousand spectra use a mirror of the survey's files instead: see the guide page.

    \b
    Examples:
      vo-emline fetch lamost --obsids list.txt --output lamost
      vo-emline fetch lamost --pos 10.0,40.0 --size 0.2 --output field
      vo-emline fetch lamost --sql "SELECT obsid FROM combined WHERE subclass = 'B6' LIMIT 50" --output b6
      LAMOST_TOKEN=… vo-emline fetch lamost --release dr12 --version v1.1 --obsids list.txt --output dr12
    """
    from vo_emline.archives import archives, fetch_records, report_folder
    from vo_emline.archives.lamost import LamostService

    config = archives().lamost
    if options["service"]:
        config = config.model_copy(update={"openapi": options["service"]})
    service = LamostService(
        options["release"],
        options["version"],
        resolution="mrs" if options["mrs"] else None,
        token=options["token"],
        config=config,
    )
    if options["offline"] and not options["obsids"]:
        _finish(report_folder(options["output"], limit=options["limit"]))
        return
    records, truncated = _lamost_records(service, options)
    fetch_options = _fetch_options(options, config)
    _finish(fetch_records(records, options["output"], options=fetch_options, truncated=truncated))


@fetch.command("archives")
def list_archives() -> None:
    """List the archives that are known by name, and where to add your own."""
    from vo_emline.archives.config import VARIABLE, archives, user_file

    for name, archive in archives().ssa.items():
        click.echo(f"{name:14} {archive.title}\n{'':14} {archive.url}")
    click.echo(f"\nAdd your own in {user_file()} (or in a file named by {VARIABLE}).")


def _lamost_records(service: Any, options: dict[str, Any]) -> tuple[Any, bool]:
    from vo_emline.archives.arguments import read_identifiers
    from vo_emline.archives.lamost import obsids_of

    given = [name for name in ("obsids", "pos", "sql") if options[name]]
    if len(given) != 1:
        raise click.UsageError("give one of --obsids, --pos, --sql")
    if options["obsids"]:
        return service.records(read_identifiers(options["obsids"])), False
    if options["sql"]:
        return service.records(obsids_of(service.sql(options["sql"]))), False
    answer = service.search(ssa_query(options))
    return answer.records, answer.truncated


def ssa_query(options: dict[str, Any]) -> Any:
    """Make a query by SSA of what :func:`query_options` and others of their names hold."""
    from vo_emline.archives import SsaQuery
    from vo_emline.archives.arguments import parse_angle, parse_band, parse_position, parse_times

    position = parse_position(options["pos"]) if options.get("pos") else None
    band = parse_band(options["band"]) if options.get("band") else None
    times = parse_times(options["time"]) if options.get("time") else None
    if (
        position is None
        and band is None
        and times is None
        and not (options.get("target") or options.get("maxrec"))
    ):
        raise click.UsageError(
            "say what you want: --pos, --band, --target, --time, --ids, or --maxrec for anything"
        )
    return SsaQuery(
        position=position,
        size=parse_angle(options["size"]),
        band=band,
        time=times,
        target=options.get("target"),
        maxrec=options.get("maxrec"),
    )


def _fetch_options(options: dict[str, Any], archive: Any) -> FetchOptions:
    from vo_emline.archives import FetchOptions, Politeness, SpectrumRequest
    from vo_emline.archives.arguments import parse_band, parse_duration

    calibration = options.get("calibration") or getattr(archive, "calibration", None)
    cutout = parse_band(options["cutout"]).to_value("Angstrom") if options.get("cutout") else None
    return FetchOptions(
        request=SpectrumRequest(
            calibration=None if calibration in {None, "none"} else calibration,
            cutout=None if cutout is None else (float(cutout[0]), float(cutout[1])),
        ),
        politeness=Politeness(
            concurrency=options["concurrency"] or archive.concurrency,
            delay=archive.delay if options["delay"] is None else options["delay"],
            budget=parse_duration(options["budget"]) if options["budget"] else None,
        ),
        limit=options["limit"],
        offline=options["offline"],
        again=options["again"],
    )


def _finish(report: FetchReport) -> None:
    """Say what came, and end with the exit code that tells whether to ask again."""
    click.echo(report.summary())
    if not report.complete:
        click.get_current_context().exit(_INCOMPLETE)
