"""Spectra as products: whole or cut out, in many formats, with a picture and the original file.

===============  ===============================================================
module           what it knows
===============  ===============================================================
``entries``      the index: publisher DIDs to rows and files; verdicts
``request``      the parameters of ``/spectrum``, checked
``formats``      the formats and their names
``calibration``  the flux as stored, relative, or continuum-normalised
``continuum``    a pseudo-continuum where the pipeline gives none
``product``      the spectrum ready for delivery
``metadata``     what every product says about itself, one list for all formats
``columns``      the columns of a delivered spectrum
``sdm``          VOTables in the IVOA spectrum data model
``fitsfile``     FITS binary tables
``text``         CSV, tab-separated, ECSV
``original``     original files
``preview``      pictures
``deliver``      from a request to the bytes of the answer
``routes``       the addresses
===============  ===============================================================
"""

from service.products.deliver import Delivery, deliver_original, deliver_spectrum
from service.products.entries import Entry, find_entries
from service.products.request import SpectrumRequest, parse_request
from service.products.routes import routes

__all__ = [
    "Delivery",
    "Entry",
    "SpectrumRequest",
    "deliver_original",
    "deliver_spectrum",
    "find_entries",
    "parse_request",
    "routes",
]
