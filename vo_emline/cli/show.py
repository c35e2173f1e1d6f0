"""``vo-emline show``: one spectrum on the terminal, or as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vo_emline.cli.selection import service_option
from vo_emline.errors import UserError

if TYPE_CHECKING:
    from astropy.table import Row

    from vo_emline.spectra import Spectrum


@click.command()
@click.argument("identifier")
@service_option
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
    *, identifier: str, service: str | None, png: Path | None, width: int | None, half_width: float
) -> None:
    """Show one spectrum around Hα in the terminal, or as PNG.

    IDENTIFIER is a candidate id, a publisher DID, a LAMOST designation or
    obsid, or a file of any known layout.

    \b
    Examples:
      vo-emline show EML-0123456789abcdef
      vo-emline show J063416.35+023030.2 --png star.png
      vo-emline show spec-56284-GAC122S02V2_sp14-183.fits --range 30
    """
    spectrum, row = _find(identifier, service)
    if png is not None:
        _picture(spectrum, row, png)
        click.echo(f"picture in {png}", err=True)
        return
    for line in facts(spectrum, row):
        click.echo(line)
    click.echo(text_picture(spectrum, width=width or _terminal_width(), half_width=half_width))


def facts(spectrum: Spectrum, row: Row | None) -> list[str]:
    """Say in a few lines what the spectrum is and how it was classified."""
    identity = spectrum.identity
    name = identity.designation or identity.object_name or identity.source
    lines = [f"{name}  {identity.survey}  {identity.spectral_subclass}".rstrip()]
    if identity.ra is not None and identity.dec is not None:
        lines.append(f"ra {identity.ra:.5f}  dec {identity.dec:+.5f} (ICRS, deg)")
    if identity.epoch_mjd is not None:
        lines.append(f"observed MJD {identity.epoch_mjd:.4f} (UTC)")
    if identity.snr_r is not None:
        lines.append(f"S/N {identity.snr_r:.1f} per pixel in r")
    lines += _measured(spectrum)
    if row is not None:
        lines.append(f"{row['label']}, probability of emission {row['score']:.3f} ({row['candidate_id']})")
    return lines


def _measured(spectrum: Spectrum) -> list[str]:
    from vo_emline.errors import DataError
    from vo_emline.measure import measure_spectrum

    try:
        line = measure_spectrum(spectrum)
    except DataError:  # Hα is not covered; the picture says so
        return []
    width = f"{line.ew[0]:.2f} ± {line.ew_error[0]:.2f} Å"
    return [f"equivalent width of Hα {width} (negative for emission)"]


def text_picture(spectrum: Spectrum, *, width: int, half_width: float) -> str:
    """Draw the spectrum around Hα with characters."""
    from vo_emline.client.drawing import around_halpha
    from vo_emline.client.textplot import draw
    from vo_emline.spectra import HALPHA_VAC

    wavelength, flux = around_halpha(spectrum, half_width=half_width)
    if not wavelength.size:
        first, last = spectrum.wavelength_vac[[0, -1]]
        return f"Hα is not covered (the spectrum runs from {first:.0f} to {last:.0f} Å)"
    title = "flux / median over vacuum wavelength (Å); ┴ marks Hα"
    return draw(wavelength, flux, width=width - 12, mark=HALPHA_VAC) + "\n" + title.rjust(width)


def _find(identifier: str, service: str | None) -> tuple[Spectrum, Row | None]:
    if Path(identifier).is_file():
        from vo_emline.spectra import read

        return read(identifier), None
    if is_file_name(identifier):
        raise UserError(f"there is no file {identifier}")
    from vo_emline.client import connect

    client = connect(service)
    if identifier.startswith("ivo://"):
        return client.spectrum(identifier), None
    row = client.find(identifier)
    return client.spectrum_of(row), row


def is_file_name(identifier: str) -> bool:
    """Tell whether something can only be the name of a file: it ends as spectra do, or names a folder."""
    from vo_emline.spectra.lists import SUFFIXES

    if identifier.startswith("ivo://"):
        return False
    return "/" in identifier or identifier.lower().removesuffix(".gz").endswith(SUFFIXES)


def _picture(spectrum: Spectrum, row: Row | None, path: Path) -> None:
    from vo_emline.client.drawing import one
    from vo_emline.plots import save

    identity = spectrum.identity
    label = "" if row is None else str(row["label"])
    save(one(spectrum, title=identity.designation or identity.object_name or path.stem, label=label), path)


def _terminal_width() -> int:
    import shutil

    return min(shutil.get_terminal_size().columns, 110)
