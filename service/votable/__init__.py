"""VOTable 1.4, written as a stream: header by astropy, rows by Arrow and numpy.

Rows as BINARY2 are made by :mod:`vo_emline.candidates.votable`.

``header``       what stands around the rows; error documents; trailing INFO
``tabledata``    rows as TABLEDATA
``document``     a whole document, with an honest end when rows run out or fail
``descriptors``  the hook by which DataLink attaches service descriptors
"""
