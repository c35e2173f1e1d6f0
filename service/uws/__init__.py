"""Jobs that survive (UWS 1.1), whatever they do and by whatever protocol they are asked for.

``jobs``     what a job is, and the jobs on disk (SQLite, WAL)
``workers``  the threads that execute, limit and destroy
``manager``  the life of jobs: made, changed, run, aborted, destroyed
"""
