"""One run from labelled spectra to a release, step by step, each step resumable.

``settings``  what a run can be told
``manifest``  ``run.json``: which steps are done, and from what
``unlabelled`` spectra of the survey that take part in training
``examples``  the training set
``steps``     training set, network, survey, release
``pairs``     stars that both instruments saw
``report``    figures and the summary
``train``     training alone
``chain``     all of them in turn
``bulk``      surveys of any size

Names are imported from the modules, so that a command loads no more than it needs.
"""
