"""The demonstration: the whole chain on simulated archives, judged against their truth.

``archive``  simulated spectra of both instruments
``tour``     simulate, fetch, run, publish, query, judge
"""

from vo_emline.demo.tour import Verdict, clear, demonstrate, judge

__all__ = ["Verdict", "clear", "demonstrate", "judge"]
