"""DataLink 1.1: everything that belongs to a spectrum, and the descriptors by which results lead there.

================  ============================================================
module            what it knows
================  ============================================================
``columns``       the columns of a links document
``links``         the links of a spectrum, and faults as rows
``describe``      descriptors of the links and cut-out services
``document``      from identifiers to a document
``capabilities``  which standards are spoken where
``routes``        the addresses
================  ============================================================
"""

from service.datalink.capabilities import capabilities
from service.datalink.describe import cutout_service, descriptors, links_service
from service.datalink.document import links_document
from service.datalink.links import Link, fault, links
from service.datalink.routes import routes

__all__ = [
    "Link",
    "capabilities",
    "cutout_service",
    "descriptors",
    "fault",
    "links",
    "links_document",
    "links_service",
    "routes",
]
