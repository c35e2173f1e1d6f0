"""Spectra as products: whole or cut out, in many formats, with a picture and the original file.

===============  ===============================================================
module           what it knows
===============  ===============================================================
``entries``      the index: publisher DIDs to rows and files; verdicts
``request``      the parameters of ``/spectrum`` and the formats, checked
``calibration``  the flux as stored, relative, or continuum-normalised
``product``      the spectrum ready for delivery, and what it says about itself
``writers``      VOTable in the spectrum data model, FITS, CSV, TSV, ECSV
``preview``      pictures
``template``     the absorption profile that pictures subtract
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
