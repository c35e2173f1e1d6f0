"""Output formats: a result as VOTable, CSV, TSV, FITS, Parquet, JSON or a page, streamed.

``result``    described columns, batches of rows, and whether rows were left out
``cells``     whole columns of values as text, rows joined to lines
``header``    what stands around the rows of a VOTable; error documents; trailing INFO
``votable``   a whole VOTable, with an honest end when rows run out or fail
``text``      CSV, TSV, JSON and a page for the browser
``parquet``   Parquet
``fits``      FITS binary table
``registry``  names and media types of the formats
"""

from service.formats.registry import FORMATS, VOTABLE, Format, find_format
from service.formats.result import Result, encode_rows

__all__ = ["FORMATS", "VOTABLE", "Format", "Result", "encode_rows", "find_format"]
