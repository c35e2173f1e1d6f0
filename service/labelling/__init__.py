"""Labelling in the browser: queues of spectra, the page on which people say what they see, and its JSON.

* ``people``: invitations and sessions; ``access``: who asks, and that all others find nothing;
* ``context``: the log, the queues and the limits the handlers work with;
* ``items``: what is shown of a spectrum, blind; ``ahead``: made before it is asked for;
* ``queueing``: queues made, judged and taken along; ``api``: JSON; ``routes``: the pages, and all addresses.

Labels and queues themselves are :mod:`vo_emline.labelling`.
"""

from service.labelling.context import LabelServices, label_services
from service.labelling.routes import routes

__all__ = ["LabelServices", "label_services", "routes"]
