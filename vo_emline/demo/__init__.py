"""The demonstration: the whole chain on simulated archives, judged against their truth.

``archive``  simulated spectra of both instruments
``serving``  the service as a program of its own
``tour``     simulate, fetch, run, publish, query
``verdict``  what was found of what is there
"""

from vo_emline.demo.tour import clear, demonstrate
from vo_emline.demo.verdict import Verdict, judge

__all__ = ["Verdict", "clear", "demonstrate", "judge"]
