"""Simple Spectral Access 1.1 over the index of spectra.

==============  ==================================================================
module          what it knows
==============  ==================================================================
``parameters``  the parameters: meaning, and the condition each makes
``values``      positions, wavelengths, times, numbers, and ranges of them (``a/b,c``)
``conditions``  SQL with named parameters; circles as HEALPix ranges
``request``     a whole query, checked, with the formats it asks for
``columns``     the columns of an answer, as SQL over the index
``answers``     running it; answers, descriptions and errors as VOTables
``routes``      the address
==============  ==================================================================
"""

from service.ssa.answers import run_query
from service.ssa.columns import SSA
from service.ssa.parameters import PARAMETERS
from service.ssa.request import SsaRequest, parse_request
from service.ssa.routes import STANDARD_ID, routes

__all__ = ["PARAMETERS", "SSA", "STANDARD_ID", "SsaRequest", "parse_request", "routes", "run_query"]
