"""Asking services over HTTP: one session, one way to download, one reader of VOTables, one cache.

=============  ====================================================================================
module         what it knows
=============  ====================================================================================
``session``    :class:`Session`: politeness, what is transient, errors without secrets
``deadline``   connections on which one deadline holds over headers and body
``transfer``   downloads, many at a time, checked and cached
``content``    what a delivered file is, and whether all of it is there
``votable``    the tolerant reader of VOTable answers
``rows``       what it reads, as columns of numpy
``repairs``    what it mends
``cache``      downloads on disk
=============  ====================================================================================

Nothing is imported here, so that a command that asks nobody does not pay for the rest.
"""
