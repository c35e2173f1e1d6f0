"""The Table Access Protocol (TAP 1.1).

``request``         what a request asks for, checked
``queries``         from a checked request to rows
``running``         one query while it runs: cursor, time limit, how to stop it
``places``          how many queries run at the same time
``response``        a query as an HTTP response, streamed
``jobs``            a query as the work of a UWS job
``uploads``         tables that come with a query
``fetch``           uploads by URL, from public addresses only
``prescan``         a look through a VOTable before a full reader sees it
``upload_readers``  VOTable, FITS and CSV as uploads
``upload_columns``  columns of uploads, described
``routes``          the HTTP resources
"""
