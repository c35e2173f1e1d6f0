"""Spectra: one type, and the readers of every file layout.

:func:`read` opens a file of any layout and gives a :class:`Spectrum` on vacuum
wavelengths, or raises :class:`~vo_emline.errors.DataError` with the file and
the reason. :func:`read_part` gives the part around Hα, equal to the last bit
and 15 times as fast. Inside:

========================  ======================================================
module                    what it knows
========================  ======================================================
``spectrum``              the types :class:`Spectrum` and :class:`Identity`
``read``, ``discover``    the way in: one file, its bytes, files in folders
``quick``                 reading in bulk: the part around a line, from few bytes
``quick_header``          header cards without astropy
``quick_source``          bytes of plain and of gzipped files
``quick_grid``            wavelength grids that many files share
``quick_rows``            LAMOST images and tables of one row
``quick_table``           FITS tables in general
``limits``                first bytes and largest size of files
``fits``                  opening FITS files and recognising their layout
``lamost_image``          LAMOST DR1–DR8: five rows, the third told by its values
``lamost_table``          LAMOST ``COADD`` tables and medium resolution
``lamost``                identity and pixel masks of all LAMOST files
``fits_image``            one-dimensional images (Ondřejov raw files, IRAF)
``fits_table``            tables (Ondřejov DataLink, spectrum data model)
``votable``               VOTables, and the guard against hostile ones
``votable_identity``      who a spectrum in a VOTable is
``text``                  CSV and text
``columns``               which column of a table is what
``ondrejov``              identity of Ondřejov files
``medium``                air and vacuum wavelengths
``assemble``              the checks that all layouts share
``cards``                 values of header cards
``leniency``              what astropy complains about goes to the log
========================  ======================================================

Velocities are not touched: LAMOST wavelengths are heliocentric, those of the
Ondřejov archive are in the observatory's frame (up to 30 km/s, or 0.66 Å at
Hα, apart; less than half a pixel of a window).
"""

from vo_emline.spectra.discover import find_spectra, iter_spectra, printable
from vo_emline.spectra.medium import HALPHA_AIR, HALPHA_VAC, Medium, air_to_vacuum, vacuum_to_air
from vo_emline.spectra.parts import file_of
from vo_emline.spectra.quick import read_part, read_part_or_reject
from vo_emline.spectra.read import read, read_all, read_bytes, read_each, read_or_reject
from vo_emline.spectra.spectrum import READ_FLAGS, Coverage, Identity, Spectrum
from vo_emline.spectra.votable import refuse_hostile

__all__ = [
    "HALPHA_AIR",
    "HALPHA_VAC",
    "READ_FLAGS",
    "Coverage",
    "Identity",
    "Medium",
    "Spectrum",
    "air_to_vacuum",
    "file_of",
    "find_spectra",
    "iter_spectra",
    "printable",
    "read",
    "read_all",
    "read_bytes",
    "read_each",
    "read_or_reject",
    "read_part",
    "read_part_or_reject",
    "refuse_hostile",
    "vacuum_to_air",
]
