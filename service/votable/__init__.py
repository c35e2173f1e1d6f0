"""VOTable 1.4, written as a stream: header by astropy, rows by Arrow and numpy.

``header``       what stands around the rows; error documents; trailing INFO
``binary2``      rows as BINARY2
``tabledata``    rows as TABLEDATA
``document``     a whole document, with an honest end when rows run out or fail
``descriptors``  the hook by which DataLink attaches service descriptors
"""
