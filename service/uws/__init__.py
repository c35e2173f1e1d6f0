"""Asynchronous jobs that survive (UWS 1.1).

``job``        what a job is
``store``      the jobs on disk (SQLite, WAL)
``workers``    the threads that execute, limit and destroy
``manager``    the life of jobs: made, changed, run, aborted, destroyed
``documents``  the XML documents
``routes``     the HTTP resources
"""
