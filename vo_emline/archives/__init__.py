"""Where spectra come from: archives of the Virtual Observatory, the LAMOST services, folders of files.

It finds spectra (SSA, TAP, lists of identifiers), has them processed by the service that the answer
describes (DataLink, SODA), downloads them so that nothing is lost or asked for twice, and says which
objects are known already.
"""

from vo_emline.archives.arguments import read_identifiers
from vo_emline.archives.catalogues import bright_known, read_known, tap_known, vizier_known
from vo_emline.archives.config import Archives, Catalogue, LamostArchive, SsaArchive, archives
from vo_emline.archives.datalink import ServiceDescriptor, SpectrumRequest
from vo_emline.archives.discovery import Discovery, TapQuery, discover
from vo_emline.archives.fetch import FetchOptions, FetchReport, fetch_records, fetch_spectra, report_folder
from vo_emline.archives.hats import hats_known, is_hats
from vo_emline.archives.known import KnownMatch, KnownObjects, describe_known, match_each, surest
from vo_emline.archives.lamost import FibreKey, LamostService, Observation, join_observations
from vo_emline.archives.manifest import Entry, Manifest, read_manifest
from vo_emline.archives.records import ArchiveRecord
from vo_emline.archives.search import (
    SsaAnswer,
    SsaQuery,
    find_spectrum_tables,
    list_spectra,
    search_ssa,
    search_tap,
)
from vo_emline.net.session import Politeness
from vo_emline.net.votable import CleanVOTable, read_votable

__all__ = [
    "ArchiveRecord",
    "Archives",
    "Catalogue",
    "CleanVOTable",
    "Discovery",
    "Entry",
    "FetchOptions",
    "FetchReport",
    "FibreKey",
    "KnownMatch",
    "KnownObjects",
    "LamostArchive",
    "LamostService",
    "Manifest",
    "Observation",
    "Politeness",
    "ServiceDescriptor",
    "SpectrumRequest",
    "SsaAnswer",
    "SsaArchive",
    "SsaQuery",
    "TapQuery",
    "archives",
    "bright_known",
    "describe_known",
    "discover",
    "fetch_records",
    "fetch_spectra",
    "find_spectrum_tables",
    "hats_known",
    "is_hats",
    "join_observations",
    "list_spectra",
    "match_each",
    "read_identifiers",
    "read_known",
    "read_manifest",
    "read_votable",
    "report_folder",
    "search_ssa",
    "search_tap",
    "surest",
    "tap_known",
    "vizier_known",
]
