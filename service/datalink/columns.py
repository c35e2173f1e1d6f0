"""The columns of a links document (DataLink 1.1, section 3.2)."""

from __future__ import annotations

from typing import Final

from vo_emline.tables import Column

LINKS: Final = (
    Column(name="ID", datatype="char", arraysize="*", ucd="meta.id;meta.main",
           description="Publisher DID the link belongs to"),
    Column(name="access_url", datatype="char", arraysize="*", ucd="meta.ref.url",
           description="Where the data are"),
    Column(name="service_def", datatype="char", arraysize="*", ucd="meta.ref",
           description="ID of the descriptor of the service that makes the data"),
    Column(name="error_message", datatype="char", arraysize="*", ucd="meta.code.error",
           description="Why there is no link"),
    Column(name="description", datatype="char", arraysize="*", ucd="meta.note",
           description="What the link leads to"),
    Column(name="semantics", datatype="char", arraysize="*", ucd="meta.code",
           description="What the link is to the spectrum, term of http://www.ivoa.net/rdf/datalink/core"),
    Column(name="content_type", datatype="char", arraysize="*", ucd="meta.code.mime",
           description="Media type of the data"),
    Column(name="content_length", datatype="long", unit="byte", ucd="phys.size;meta.file",
           description="Size of the data; NULL where they are made on request"),
    Column(name="content_qualifier", datatype="char", arraysize="*", ucd="meta.code",
           description="Kind of product, term of http://www.ivoa.net/rdf/product-type"),
    Column(name="local_semantics", datatype="char", arraysize="*", ucd="meta.code",
           description="Which of the links of this service it is"),
    Column(name="link_auth", datatype="char", arraysize="*", ucd="meta.code",
           description="Whether the link asks who one is: false, optional or true"),
    Column(name="link_authorized", datatype="boolean", ucd="meta.code",
           description="Whether the one who asks may use the link"),
)  # fmt: skip
"""Columns in the order in which they are written."""
