"""Simple Spectral Access 1.1 over the index of spectra.

==============  ==================================================================
module          what it knows
==============  ==================================================================
``parameters``  the parameters: meaning, and the condition each makes
``ranges``      range lists (``a/b,c``)
``values``      positions, wavelengths, times, numbers
``region``      circles as HEALPix ranges, exact distances
``conditions``  SQL with named parameters
``formats``     which formats are asked for
``request``     a whole query, checked
``columns``     the columns of an answer, as SQL over the index
``query``       running it
``document``    answers, descriptions and errors as VOTables
``routes``      the address
==============  ==================================================================
"""

from service.ssa.columns import SSA
from service.ssa.parameters import PARAMETERS
from service.ssa.query import run_query
from service.ssa.request import SsaRequest, parse_request
from service.ssa.routes import routes

__all__ = ["PARAMETERS", "SSA", "SsaRequest", "parse_request", "routes", "run_query"]
