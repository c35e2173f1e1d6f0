"""The service: a release of candidates by TAP, SSA and DataLink.

=============  ==============================================================
package        what it knows
=============  ==============================================================
``adql``       from ADQL 2.1 to SQL
``store``      the release file, opened read-only, and TAP_SCHEMA
``formats``    streaming VOTables, CSV, FITS, Parquet, JSON
``uws``        jobs that survive
``products``   spectra in the form that is asked for
``datalink``   what there is of each spectrum
``ssa``        finding spectra
``tap``        queries, uploads, results, jobs
``vosi``       capabilities, availability, tables
``web``        the pages for people
``app``        assembly only
=============  ==============================================================

Each imports only what stands above it; ``config`` (``service.toml`` documents
the settings), ``urls``, ``errors``, ``parameters``, ``pages`` and ``context``
serve all of them.
"""
