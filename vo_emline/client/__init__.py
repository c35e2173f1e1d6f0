"""The Python client: connect to a candidate service, search, fetch spectra, show them elsewhere.

==================  ====================================================================
module              what it knows
==================  ====================================================================
``connection``      :func:`connect` and :class:`Client`: the questions
``candidates``      :class:`Candidates`: the answers, and what can be done with them
``queries``         positions, names and constraints, and the ADQL of them
``address``         the addresses of a service
``service``         what answers share: connections, cache, SAMP
``tap``             queries at once and as jobs
``tables``          rows as text, HTML, Arrow and files
``spectra``         spectra as objects, spectra as files
``drawing``         figures, also of characters
``linked``          tables and spectra in TOPCAT, Aladin and SPLAT; files for them
``samp``            the messages, the hub, who is there
``labelling``       queues of spectra to be labelled; ``widget``: the same in notebooks
``specutils``       the bridge to specutils, and its LAMOST loader
==================  ====================================================================
"""

from vo_emline.client.candidates import Candidates
from vo_emline.client.connection import Client, connect
from vo_emline.client.spectra import MissingSpectraWarning, Spectra
from vo_emline.client.tap import TruncatedWarning
from vo_emline.net.cache import Cache

__all__ = [
    "Cache",
    "Candidates",
    "Client",
    "MissingSpectraWarning",
    "Spectra",
    "TruncatedWarning",
    "connect",
]
