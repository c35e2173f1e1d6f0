"""Spectra: one type, and the readers of every file layout.

:func:`read` opens a file of any layout and gives a :class:`Spectrum` on vacuum
wavelengths, or raises :class:`~vo_emline.errors.DataError` with the file and
the reason. :func:`read_part` gives the part around Hα, equal to the last bit
and 15 times as fast. Inside:

========================  ======================================================
module                    what it knows
========================  ======================================================
``spectrum``              the types :class:`Spectrum` and :class:`Identity`
``ranges``                what numbers of an identity can be
``read``, ``discover``    the way in: one file, its bytes, files in folders
``parts``, ``several``    names of the spectra of a file; which files hold several
``quick``                 reading in bulk: the part around a line, from few bytes
``surveys``               what is known of each survey, a TOML of its own
``containers``            gzip, bzip2, xz, zip
``limits``                first bytes and largest size of files
``structure``             the skeleton of FITS files, looked at before a library does
``fits``                  opening FITS files and finding the spectra in them
``lamost_image``          LAMOST DR1–DR8: five rows, the third told by its values
``lamost_table``          LAMOST ``COADD`` tables and medium resolution
``lamost``                identity and pixel masks of all LAMOST files
``fits_image``            one-dimensional images (Ondřejov raw files, IRAF, amateurs')
``fits_rows``             images with one row per target (DESI, WEAVE)
``orders``                orders of an échelle: the one that holds Hα
``fits_table``            tables (Ondřejov DataLink, spectrum data model, SDSS)
``votable``               VOTables, and the guard against hostile ones
``votable_identity``      who a spectrum in a VOTable is
``text``                  CSV and text
``table``                 from a table of any of these to a spectrum
``columns``               which column of a table is what, in which unit
``dispersion``            the axis of images: linear, logarithmic, multispec
``medium``                air and vacuum wavelengths: telling and converting
``identity``              who a spectrum is, in general
``position``, ``epoch``   where and when, from all the ways headers say it
``ondrejov``              identity of Ondřejov files
``assemble``              the checks that all layouts share
``cards``                 values of header cards
``astropy_warnings``      what astropy complains about goes to the log
========================  ======================================================

Velocities are not touched: LAMOST wavelengths are heliocentric, those of the
Ondřejov archive are in the observatory's frame (up to 30 km/s, or 0.66 Å at
Hα, apart; less than half a pixel of a window).
"""

from vo_emline.spectra.discover import PassedOver, find_spectra, iter_spectra
from vo_emline.spectra.medium import HALPHA_AIR, HALPHA_VAC, Medium, air_to_vacuum, vacuum_to_air
from vo_emline.spectra.parts import file_of, printable
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
    "PassedOver",
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
