"""The service: a release of candidates by TAP, SSA and DataLink.

=============  ==============================================================
package        what it knows
=============  ==============================================================
``app``        assembly only
``config``     the settings (``service.toml`` documents them)
``store``      the release file, opened read-only, and TAP_SCHEMA
``adql``       from ADQL 2.1 to SQL
``tap``        queries, uploads, results
``uws``        asynchronous jobs that survive
``vosi``       capabilities, availability, tables, examples
``votable``    streaming VOTables
``formats``    CSV, FITS, Parquet, JSON
``ssa``        finding spectra
``datalink``   what there is of each spectrum
``products``   spectra in the form that is asked for
``web``        the page for people
=============  ==============================================================
"""
