"""DataLink 1.1: everything that belongs to a spectrum, and the descriptors by which results lead there.

============  ================================================================
module        what it knows
============  ================================================================
``links``     the links of a spectrum, faults as rows, and the document
``describe``  descriptors of the links and cut-out services
``routes``    the address
============  ================================================================
"""

from service.datalink.describe import LINKS_ID, SODA_ID, cutout_service, descriptors, links_service
from service.datalink.links import Link, fault, links, links_document
from service.datalink.routes import routes

__all__ = [
    "LINKS_ID",
    "SODA_ID",
    "Link",
    "cutout_service",
    "descriptors",
    "fault",
    "links",
    "links_document",
    "links_service",
    "routes",
]
