"""The Table Access Protocol (TAP 1.1).

``request``         what a request asks for, checked
``queries``         from a checked request to rows: cursor, time limit, how to stop it
``sync``            ``/tap/sync``: a query as an HTTP response, streamed
``mistakes``        a mistake as a page, for browsers
``jobs``            a query as the work of a job
``job_documents``   the UWS documents of jobs
``job_routes``      ``/tap/async``: the UWS resources
``uploads``         tables that come with a query
``fetch``           uploads by URL, from public addresses only
``upload_readers``  VOTable, FITS and CSV as uploads, looked through before
``upload_columns``  columns of uploads, described
``examples``        queries worth showing
``context``         what the handlers work with
"""
