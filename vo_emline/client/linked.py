"""Candidates, spectra and tables in TOPCAT, Aladin and SPLAT: linked, or handed over as files of ours."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from vo_emline.client import tables
from vo_emline.client.samp import Delivery, LinkedTable, SampSession, SpectrumReference, send_spectrum
from vo_emline.client.samp.messages import FITS, VOTABLE, TableReference
from vo_emline.errors import UserError
from vo_emline.net.cache import cache_directory
from vo_emline.net.rows import Row, Rows

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from astropy.table import Table

    from vo_emline.spectra import Spectrum

VOTABLE_SUFFIXES: Final = (".vot", ".votable", ".xml")


class Linkable(Protocol):
    """What can be linked: :class:`~vo_emline.client.Candidates`."""

    rows: Rows
    url: str | None

    def __len__(self) -> int:
        """Count the rows."""
        ...

    def __getitem__(self, key: Any) -> Any:
        """Give some of the rows."""
        ...

    @property
    def skycoord(self) -> SkyCoord:
        """Positions, ICRS."""
        ...

    @property
    def spectrum_urls(self) -> list[str]:
        """Addresses of the spectra as VOTables."""
        ...


C = TypeVar("C", bound=Linkable)


class LinkedCandidates(Generic[C]):
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

    def __init__(self, candidates: C, session: SampSession, *, name: str = "") -> None:
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
        reference = spectrum_reference(self.candidates.rows.row(row), url)
        return send_spectrum(self.session, reference, to=to, as_table=as_table)

    @property
    def highlighted(self) -> int | None:
        """The row that was highlighted elsewhere last."""
        return self.link.highlighted

    @property
    def selection(self) -> C:
        """The candidates that were selected elsewhere last."""
        chosen: C = self.candidates[list(self.link.selected)]
        return chosen

    def on_highlight(self, callback: Callable[[int], None]) -> None:
        """Call `callback` with the row whenever one is highlighted elsewhere."""
        self.link.on_highlight(callback)

    def on_select(self, callback: Callable[[C], None]) -> None:
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


def table_reference(candidates: Linkable, *, name: str = "") -> TableReference:
    """Give the address and the stable identifier under which candidates are shared.

    Results of a search are shared by the service's address, which brings the
    service descriptors along; others (slices, jobs, uploads) by a file in
    the cache folder that is named by its content.
    """
    url = candidates.url or votable_copy(candidates.rows, "candidates").as_uri()
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
    known = row.has("ra", "dec")
    identifier = row.text("obs_publisher_did") or url
    return SpectrumReference(
        url=url,
        name=row.text("designation") or identifier,
        identifier=identifier,
        media_type=row.text("access_format") or VOTABLE,
        position=(float(row["ra"]), float(row["dec"])) if known else None,
    )


def spectrum_table(spectrum: Spectrum) -> Table:
    """Lay a spectrum out as a table that any program can plot.

    Columns ``wavelength`` (vacuum, Å), ``flux`` and, where known,
    ``flux_error``; bad pixels have no flux. The roles of the columns are
    those of the IVOA Spectrum Data Model 1.1.
    """
    from astropy import units as u
    from astropy.table import Table

    table = Table()
    table["wavelength"] = spectrum.wavelength_vac * u.AA
    table["flux"] = np.where(spectrum.mask, np.nan, spectrum.flux)
    if spectrum.ivar is not None:
        table["flux_error"] = _error(spectrum.ivar)
    _label(table, "wavelength", "em.wl", "SpectralAxis.Value", "Wavelength in vacuum")
    _label(table, "flux", "phot.flux.density;em.wl", "FluxAxis.Value", f"Flux {spectrum.flux_unit}".strip())
    if "flux_error" in table.colnames:
        _label(
            table, "flux_error", "stat.error;phot.flux.density;em.wl", "FluxAxis.Accuracy.StatError", "Error"
        )
    return table


def spectrum_of_file(path: Path) -> SpectrumReference:
    """Read a file of any layout and refer to it as a VOTable in the cache folder.

    Raises
    ------
    DataError
        The file holds no spectrum.
    """
    from vo_emline.spectra import read  # slow to import

    spectrum = read(path)
    identity = spectrum.identity
    copy = votable_copy(Rows.from_astropy(spectrum_table(spectrum)), path.stem)
    known = identity.ra is not None and identity.dec is not None
    return SpectrumReference(
        url=copy.as_uri(),
        name=identity.designation or identity.object_name or path.stem,
        identifier=identity.publisher_did or copy.as_uri(),
        position=(identity.ra or 0.0, identity.dec or 0.0) if known else None,
    )


def spectrum_of_url(url: str) -> SpectrumReference:
    """Refer to a spectrum somewhere else; its format follows from the address."""
    fits = ".fits" in url.lower() or "format=fits" in url.lower()
    name = url.rpartition("/")[2] or url
    return SpectrumReference(url=url, name=name, identifier=url, media_type=FITS if fits else VOTABLE)


def table_of_file(path: Path) -> TableReference:
    """Refer to a table; what is not a VOTable is copied into one in the cache folder.

    Raises
    ------
    UserError
        The file is not there, or no table.
    """
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    votable = path if path.suffix.lower() in VOTABLE_SUFFIXES else votable_copy(_read_table(path), path.stem)
    url = votable.resolve().as_uri()
    return TableReference(url, table_id(url), path.name)


def table_of_url(url: str) -> TableReference:
    """Refer to a VOTable somewhere else."""
    return TableReference(url, table_id(url), url)


def table_id(url: str) -> str:
    """Give the identifier that goes with the address of a table, always the same."""
    return f"vo-emline-{hashlib.sha256(url.encode()).hexdigest()[:16]}"


def votable_copy(rows: Rows, stem: str) -> Path:
    """Write rows as a VOTable into the cache folder, named by its content, once; give its path."""
    from astropy import units as u

    arrow = tables.to_arrow(rows)
    digest = hashlib.sha256(repr(arrow.schema).encode())
    for name in rows.names:
        digest.update(repr(arrow[name].to_pylist()).encode())
    path = cache_directory() / "samp" / f"{stem}-{digest.hexdigest()[:16]}.vot"
    if not path.exists():
        with warnings.catch_warnings():
            # VOUnits 1.1 deprecates the angstrom, yet it is what SPLAT and people expect
            warnings.filterwarnings("ignore", "The unit 'Angstrom' has been deprecated", u.UnitsWarning)
            tables.write(rows, path, name=stem)
    return path


def _read_table(path: Path) -> Rows:
    from astropy.table import Table

    try:
        return Rows.from_astropy(Table.read(path))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path}: not a table that can be read: {error}") from error


def _error(ivar: np.ndarray) -> np.ndarray:
    known = ivar > 0
    return np.where(known, 1.0 / np.sqrt(np.where(known, ivar, 1.0)), np.nan)


def _label(table: Table, name: str, ucd: str, role: str, description: str) -> None:
    table[name].description = description
    table[name].meta |= {"ucd": ucd, "utype": f"spec:Spectrum.Data.{role}"}
