"""SAMP: tables and spectra sent to TOPCAT, Aladin, SPLAT and others, and their answers.

Built on :mod:`pyvo.samp` (:mod:`astropy.samp` is deprecated since astropy
8.0). Messages are sent as a *call*, so that the answer of each receiver
is known; only who never answers (Aladin) is notified. Standard: SAMP 1.3, https://www.ivoa.net/documents/SAMP/.
"""

from vo_emline.client.samp.hub import NoHubError, running_hub, start_hub, stop_hub
from vo_emline.client.samp.link import LinkedTable, send_spectrum
from vo_emline.client.samp.messages import Delivery, Receiver, RefusedError, SpectrumReference, TableReference
from vo_emline.client.samp.session import SampSession

__all__ = [
    "Delivery",
    "LinkedTable",
    "NoHubError",
    "Receiver",
    "RefusedError",
    "SampSession",
    "SpectrumReference",
    "TableReference",
    "running_hub",
    "send_spectrum",
    "start_hub",
    "stop_hub",
]
