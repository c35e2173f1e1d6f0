"""A place in the registries of the Virtual Observatory.

``coverage``  where, when and at which wavelengths a release has spectra
``records``   the service described as VOResource records: organisation, authority, registry, service
``oai``       the publishing registry: OAI-PMH 2.0 (Registry Interfaces 1.1)
``command``   ``vo-emline registry``: the records as files, checked
"""

from service.registry.oai import routes

__all__ = ["routes"]
