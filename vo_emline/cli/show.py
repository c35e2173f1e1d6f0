"""``vo-emline show``: one spectrum on the terminal, or as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vo_emline.cli.selection import service_option
from vo_emline.errors import UserError

if TYPE_CHECKING:
    from vo_emline.net.rows import Row
    from vo_emline.spectra import Spectrum


@click.command()
@click.argument("identifier")
@service_option
@click.option(
    "--run",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="RUN",
    help="Trained run that classifies a file. [default: the model that comes with the package]",
)
@click.option("--plain", is_flag=True, help="Of a file draw only; neither classify nor measure (quicker).")
@click.option("--png", type=click.Path(path_type=Path), help="Write a picture instead (needs matplotlib).")
@click.option("--width", type=click.IntRange(20), help="Characters per line. [default: the terminal's]")
@click.option(
    "--range",
    "half_width",
    type=click.FloatRange(1),
    default=60.0,
    show_default=True,
    help="Angstroms to either side of Hα.",
)
def show(
    *,
    identifier: str,
    service: str | None,
    run: Path | None,
    plain: bool,
    png: Path | None,
    width: int | None,
    half_width: float,
) -> None:
    """Show one spectrum around Hα in the terminal, or as PNG.

    IDENTIFIER is a candidate id, a publisher DID, a LAMOST designation or
    obsid, or a file of any known layout. Class and score of a file are those
    that a trained run gives it, those of the others what the service says.

    \b
    Examples:
      vo-emline show EML-0123456789abcdef
      vo-emline show J063416.35+023030.2 --png star.png
      vo-emline show spec-56284-GAC122S02V2_sp14-183.fits --range 30
    """
    shown = _find(identifier, service, run=run, plain=plain)
    if png is not None:
        _picture(shown, png, half_width=half_width)
        click.echo(f"picture in {png}", err=True)
        return
    for line in facts(shown.spectrum, shown.row, measure=not plain):
        click.echo(line)
    click.echo(text_picture(shown.spectrum, width=width or _terminal_width(), half_width=half_width))


@dataclass(frozen=True, slots=True)
class _Shown:
    """A spectrum, and what is known of it."""

    spectrum: Spectrum
    row: Row | None


def facts(spectrum: Spectrum, row: Row | None, *, measure: bool = True) -> list[str]:
    """Say in a few lines what the spectrum is and how it was classified."""
    from vo_emline.client.drawing import verdict

    identity = spectrum.identity
    name = identity.designation or identity.object_name or identity.source
    lines = [f"{name}  {identity.survey}  {identity.spectral_subclass}".rstrip()]
    if identity.ra is not None and identity.dec is not None:
        lines.append(f"ra {identity.ra:.5f}  dec {identity.dec:+.5f} (ICRS, deg)")
    if identity.epoch_mjd is not None:
        lines.append(f"observed MJD {identity.epoch_mjd:.4f} (UTC)")
    if identity.snr_r is not None:
        lines.append(f"S/N {identity.snr_r:.1f} per pixel in r")
    if row is not None and row.has("ew", "ew_error"):
        lines.append(_width(float(row["ew"]), float(row["ew_error"])))
    elif measure:
        lines += _measured(spectrum)
    if said := verdict(row):
        which = row.text("candidate_id") if row is not None else ""
        lines.append(f"{said} ({which})" if which else said)
    elif row is not None and row.has("reason"):
        lines.append(f"not classified: {row.text('reason')}")
    return lines


def _measured(spectrum: Spectrum) -> list[str]:
    from vo_emline.errors import DataError
    from vo_emline.measure import measure_spectrum

    try:
        line = measure_spectrum(spectrum)
    except DataError:  # Hα is not covered; the picture says so
        return []
    return [_width(float(line.ew[0]), float(line.ew_error[0]))]


def _width(width: float, error: float) -> str:
    return f"equivalent width of Hα {width:.2f} ± {error:.2f} Å (negative for emission)"


def text_picture(spectrum: Spectrum, *, width: int, half_width: float) -> str:
    """Draw the spectrum around Hα with characters."""
    from vo_emline.client.drawing import around_halpha, draw_text
    from vo_emline.spectra import HALPHA_VAC

    wavelength, flux = around_halpha(spectrum, half_width=half_width)
    if not wavelength.size:
        first, last = spectrum.wavelength_vac[[0, -1]]
        return f"Hα is not covered (the spectrum runs from {first:.0f} to {last:.0f} Å)"
    title = "flux / median over vacuum wavelength (Å); ┴ marks Hα"
    return draw_text(wavelength, flux, width=width - 12, mark=HALPHA_VAC) + "\n" + title.rjust(width)


def _find(identifier: str, service: str | None, *, run: Path | None, plain: bool) -> _Shown:
    from vo_emline.spectra.parts import file_of

    if Path(file_of(identifier)).is_file():
        from vo_emline.spectra import read

        spectrum = read(identifier)
        return _Shown(spectrum, None if plain else _classified(Path(identifier), run))
    if is_file_name(identifier):
        raise UserError(f"there is no file {identifier}")
    from vo_emline.client import connect

    client = connect(service)
    row = client.look_up(identifier)
    if row is None:
        return _Shown(client.spectrum(identifier), None)
    return _Shown(client.spectrum_of(row), row)


def _classified(path: Path, run: Path | None) -> Row | None:
    """Classify a file by a run, or by the model at hand; None where nothing is installed that could."""
    from importlib.util import find_spec

    if run is None and find_spec("flax") is None:
        return None
    from vo_emline.net.rows import Rows
    from vo_emline.progress import silence
    from vo_emline.rundir import DEFAULT_MODEL, RunDirectory
    from vo_emline.runs.classify import classify_paths

    with silence():
        rows = classify_paths([path], RunDirectory(run).model if run else DEFAULT_MODEL)
    return Rows.from_arrow(rows).row(0)


def is_file_name(identifier: str) -> bool:
    """Tell whether something can only be the name of a file: it ends as spectra do, or names a folder."""
    from vo_emline.spectra.lists import SUFFIXES

    if identifier.startswith("ivo://"):
        return False
    return "/" in identifier or identifier.lower().removesuffix(".gz").endswith(SUFFIXES)


def _picture(shown: _Shown, path: Path, *, half_width: float) -> None:
    from vo_emline.client.drawing import one
    from vo_emline.plots import save

    identity = shown.spectrum.identity
    title = identity.designation or identity.object_name or path.stem
    save(one(shown.spectrum, title=title, row=shown.row, half_width=half_width), path)


def _terminal_width() -> int:
    import shutil

    return min(shutil.get_terminal_size().columns, 110)
