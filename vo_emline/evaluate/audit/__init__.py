"""The quality of a whole catalogue from a few hundred spectra that people label.

* ``sample``: strata of score and predicted class, how many of each, and which spectra.
* ``table``: the CSV that people fill in.
* ``estimate``: prevalence, precision and recall of the catalogue from it.
* ``likelihood``: their confidence intervals.

Spectra that were predicted negative are sampled too: without them nothing is known of recall.
"""

from vo_emline.evaluate.audit.estimate import Estimates, Stratum, estimate
from vo_emline.evaluate.audit.sample import (
    SCORE_EDGES,
    Allocation,
    Catalogue,
    Drawn,
    allocate,
    draw,
    draw_rows,
    read_sample,
    stratify,
    write_sample,
)

__all__ = [
    "SCORE_EDGES",
    "Allocation",
    "Catalogue",
    "Drawn",
    "Estimates",
    "Stratum",
    "allocate",
    "draw",
    "draw_rows",
    "estimate",
    "read_sample",
    "stratify",
    "write_sample",
]
