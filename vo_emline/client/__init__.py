"""The Python client: connect to a candidate service, search, fetch spectra, show them elsewhere.

=========================  ==============================================================
module                     what it knows
=========================  ==============================================================
``connection``             :func:`connect` and :class:`Client`: the questions
``candidates``             :class:`Candidates`: the answers, and what can be done with them
``constraints``            from constraints to ADQL
``targets``                positions, designations, names
``tap``, ``jobs``          queries at once and as jobs, over pyvo
``description``            tables and columns of a service
``spectra``, ``download``  spectra as objects, spectra as files
``convert``, ``display``   other shapes of a table; how it prints
``drawing``, ``textplot``  figures, also of characters
``linked``, ``samp``       tables and spectra in TOPCAT, Aladin and SPLAT
``local``                  files of this machine, for other applications
``specutils``              the bridge to specutils, and its LAMOST loader
``address``                the addresses of a service
=========================  ==============================================================
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
