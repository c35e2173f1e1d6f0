"""The settings of the service: command line > environment ``VO_EMLINE_SERVICE_*`` > TOML file > defaults.

``service.toml`` beside this module lists every setting with its default and
is their documentation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from vo_emline.settings import TomlSettings, load_toml_settings

Positive = Annotated[int, Field(gt=0)]
Size = Annotated[str, Field(pattern=r"^\d+(\.\d+)?(MB|GB|MiB|GiB)$")]


class Settings(TomlSettings):
    """Everything an operator can set."""

    model_config = SettingsConfigDict(env_prefix="VO_EMLINE_SERVICE_")

    title: str = "Emission-line stars"
    """Name of the service, for people."""
    description: str = "Spectra classified at H-alpha, with their scores, by TAP, SSA and DataLink."
    """One sentence about what is served, plain text."""
    publisher: str = "vo-emline"
    """Who publishes the data."""
    contact: str = ""
    """Mail address shown to users; empty for none."""
    homepage: str = ""
    """Page of the publisher, for registries; empty: that of the service."""
    authority: str = ""
    """Authority under which the service is registered (``org.example``); empty: that of the release."""
    resource_key: str = "emline"
    """What the service is called under this authority: ``ivo://org.example/emline``."""
    short_title: Annotated[str, Field(max_length=16)] = "emline"
    """Name of at most 16 characters, for lists of registries."""

    host: str = "127.0.0.1"
    """Address to listen on; ``0.0.0.0`` for every network interface."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port to listen on; 0 picks a free one."""
    processes: Positive = 1
    """Processes that answer; limits are for all of them together."""
    public_url: str = ""
    """Address users see, when a proxy stands in front; empty: made from host and port."""
    proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses of proxies whose word about the client's address is taken."""
    cors_origins: tuple[str, ...] = ("*",)
    """Web pages (origins) whose scripts may query the service."""

    log_format: Literal["logfmt", "json"] = "logfmt"
    """How lines of the log are written."""
    query_log: Literal["text", "hash", "off"] = "text"
    """What the log says of a query: its text, a digest by which the same ones are found, or nothing."""
    metrics_clients: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses that may read ``/metrics``; others find nothing there."""

    state_directory: Path | None = None
    """Where jobs and their results live; default: ``service-state`` beside the release."""

    rows_default: Positive = 10_000
    """Rows returned where the client names no MAXREC."""
    rows_hard: Positive = 10_000_000
    """Rows returned at most."""
    queries: Positive = 8
    """Synchronous queries that run at the same time; others wait."""
    client_queries: Positive = 6
    """Of these, those of one client (address)."""
    long_seconds: Positive = 10
    """A query that runs longer than that is a long one."""
    reserve: Annotated[int, Field(ge=0)] = 2
    """Slots that long queries give up where others wait."""
    user_header: str = ""
    """Header in which the proxy names the user who has logged in, for whom limits count; empty for none."""
    pages: Positive = 8
    """Pages, pictures, spectra, SSA and DataLink answers that are made at the same time; others wait."""
    client_pages: Positive = 6
    """Of these, those of one client."""
    spool: Size = "2GB"
    """Disk for answers that are made but not yet read; their queries give their slots free."""
    page_cache: Size = "64MB"
    """Memory for pages that are made, so that they need not be made again."""
    queue_seconds: Positive = 30
    """How long a query waits for a free slot before the answer is 503."""
    sync_seconds: Positive = 300
    """Time limit of a synchronous query, delivery of the rows included."""
    workers: Positive = 2
    """Asynchronous jobs that run at the same time."""
    job_seconds_default: Positive = 3600
    """Time limit of a job where the client sets no EXECUTIONDURATION."""
    job_seconds_hard: Positive = 86_400
    """Time limit of a job at most."""
    retention_days_default: Positive = 7
    """Days after which a job and its result are destroyed, where the client sets no DESTRUCTION."""
    retention_days_hard: Positive = 30
    """Days after which a job is destroyed at the latest."""
    job_list: bool = False
    """Whether ``/tap/async`` lists the jobs of everybody; otherwise a job is known by its address only."""
    client_jobs: Positive = 200
    """Jobs kept at most of one client (address)."""
    client_bytes: Positive = 5_000_000_000
    """Bytes of parameters, uploads and results kept at most of one client."""
    jobs_kept: Positive = 10_000
    """Jobs kept at most; creating more is refused until some are destroyed."""
    results_bytes: Positive = 50_000_000_000
    """Disk that the results of all jobs may fill together; a job that needs more fails."""

    label: bool = False
    """Whether people may label spectra, at ``/label``: the user of this computer where the service is for
    them alone, whom `vo-emline label invite` invites, and whom the next two settings name."""
    label_users: tuple[str, ...] = ()
    """Users named by the proxy in ``user_header`` who may label."""
    label_owners: tuple[str, ...] = ()
    """Users named by the proxy in ``user_header`` who may label and make queues."""
    label_state: Path | None = None
    """Folder of labels, queues and people who label; default: the state directory."""

    memory: Size = "4GB"
    """Memory for all running queries together, in equal parts, but 256 MB for each; who wants more fails."""
    threads: Annotated[int, Field(ge=0)] = 0
    """Threads of the database; 0 for one per core."""
    spill: Size = "10GB"
    """Disk for large sorts of all running queries together, in equal parts, but 1 GB for each."""

    upload_rows: Positive = 500_000
    """Rows of an uploaded table at most."""
    upload_bytes: Positive = 100_000_000
    """Bytes of an uploaded table, and of any request, at most."""
    body_seconds: Positive = 120
    """Time for the body of a request, an inline upload included, to arrive."""
    upload_seconds: Positive = 30
    """Time to fetch an upload given by URL, and time to read one."""
    upload_readers: Positive = 2
    """Uploads that are read at the same time, each in a process of its own."""
    upload_memory: Size = "2GB"
    """Memory of a process that reads an upload; a table that needs more is refused."""

    @property
    def one_user(self) -> bool:
        """Whether the service listens for this computer only, and no proxy gives it another name."""
        named = urlsplit(self.public_url).hostname or "localhost"
        return {self.host, named} <= {"127.0.0.1", "::1", "localhost"}


def bytes_of(size: str) -> int:
    """Give the bytes of a size such as ``4GB`` or ``512MiB``."""
    number, unit = size[: -len(size.lstrip("0123456789."))], size.lstrip("0123456789.")
    return int(float(number) * {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}[unit])


def load(config: Path | None = None, **overrides: Any) -> Settings:
    """Read the settings.

    Parameters
    ----------
    config
        TOML file, or None for the defaults.
    overrides
        Settings of the command line; None values count as not given.

    Raises
    ------
    UserError
        A setting is unknown or has an impossible value, or the file cannot be read.
    """
    return load_toml_settings(Settings, config, overrides)
