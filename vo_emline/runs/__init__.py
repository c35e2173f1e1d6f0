"""One run from labelled spectra to a release, step by step, each step resumable.

``settings``  what a run can be told
``steps``     ``run.json``, and how a step is done or found done
``examples``  the training set, with spectra of the survey
``train``     the steps of training
``run``       all steps in turn: train, classify the survey, publish
``classify``  any files to a table
``publish``   from a classified survey to a release; what its objects are known as
``report``    figures and the summary
``evaluation`` how good a trained run is on real spectra

Names are imported from the modules, so that a command loads no more than it needs.
"""
