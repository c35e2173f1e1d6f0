"""Labels of people as data: what was said, of which spectra, in which order they are asked for.

* ``log``: :class:`Label` and :class:`LabelLog`, append-only; ``database``: the SQLite file it is in.
* ``queues``: :class:`Queues`, what is to be labelled and who has what in hand.
* ``making``: queues drawn from a release or survey; ``pool``: the few of millions that are worth a look.
* ``agreement``: how far people agree, and what they say together.
* ``strategies``: which spectra to look at next.
* ``estimates``: precision, completeness and prevalence while people label, and when to stop.
"""

from vo_emline.labelling.log import QUALITIES, Label, LabelLog
from vo_emline.labelling.queues import Progress, Queue, QueueItem, Queues

__all__ = ["QUALITIES", "Label", "LabelLog", "Progress", "Queue", "QueueItem", "Queues"]
