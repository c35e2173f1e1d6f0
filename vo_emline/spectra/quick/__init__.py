"""Reading in bulk: the part of a spectrum around a line, from few bytes; equal to the thorough reader.

``part`` is the way in, ``source`` has bytes and header cards, ``rows`` LAMOST's images and tables of one
row, ``table`` FITS tables in general. Whatever is not quite plain is left to
:func:`~vo_emline.spectra.read`.
"""

from vo_emline.spectra.quick.part import read_part, read_part_or_reject

__all__ = ["read_part", "read_part_or_reject"]
