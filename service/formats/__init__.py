"""Output formats: a result as VOTable, CSV, TSV, FITS, Parquet, JSON or a page, streamed.

``result``     described columns, batches of rows, and whether rows were left out
``cells``      whole columns of values as text, rows joined to lines
``delimited``  CSV and TSV
``json``       JSON
``parquet``    Parquet
``fits``       FITS binary table
``html``       a page for the browser
``registry``   names and media types of the formats (VOTable from :mod:`service.votable`)
"""

from service.formats.registry import FORMATS, VOTABLE, Format, find_format
from service.formats.result import Result

__all__ = ["FORMATS", "VOTABLE", "Format", "Result", "find_format"]
