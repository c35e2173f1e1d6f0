"""Fetching what a client points to, from public addresses only.

The name is resolved once, every address it has must be public, and the
connection goes to the address that was checked: a second resolution could
give another one. Each redirect is checked anew.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import httpx

from vo_emline.errors import UserError

MAX_REDIRECTS: Final = 5
_PORTS: Final = {"http": 80, "https": 443}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Allowed = Callable[[Address], bool]


_UNICAST: Final = ipaddress.ip_network("2000::/3")
"""All that IANA has given out of global IPv6 unicast; what wraps IPv4 in other prefixes lies outside."""
_SPECIAL: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            # special purposes within 2000::/3 (RFC 6890 and successors): Teredo, ORCHID, benchmarks, 6to4,
            # documentation, AS112
            "2001::/23", "2002::/16", "2001:db8::/32", "3fff::/20", "2620:4f:8000::/48",
            # anycast of 6to4 relays, AS112, AMT: global by name, of no use to a client
            "192.0.0.0/24", "192.88.99.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24",
        ),
    )
)  # fmt: skip
_ISATAP: Final = (0x00005EFE, 0x02005EFE)
"""Upper half of an interface identifier that holds an IPv4 address (RFC 5214, section 6.1)."""


def is_public(address: Address) -> bool:
    """Tell whether `address` is known to belong to the public internet; what is not known does not.

    An allow-list: of IPv6 only global unicast without the parts of special
    purposes, so that no prefix that wraps an IPv4 address (NAT64, 6to4,
    IPv4-compatible, IPv4-translated …) leads inside.
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address not in _UNICAST:
            return False
        if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
            return False
    special = any(address in network for network in _SPECIAL if network.version == address.version)
    return address.is_global and not address.is_multicast and not special


def fetch_upload(url: str, path: str, max_bytes: int, seconds: float) -> Iterator[bytes]:
    """Write what is at `url` to `path`, in a worker: whoever drips is ended with it.

    Raises
    ------
    UserError
        See :func:`fetch`.
    """
    fetch(url, Path(path), max_bytes=max_bytes, seconds=seconds, allowed=is_public)
    yield b"fetched"


def fetch(url: str, path: Path, *, max_bytes: int, seconds: float, allowed: Allowed) -> None:
    """Write what is at `url` to `path`.

    Parameters
    ----------
    url
        An http or https address without credentials.
    path
        File to write.
    max_bytes, seconds
        Limits on size and on the time for everything, redirects included.
    allowed
        Which addresses may be asked.

    Raises
    ------
    UserError
        The address is not allowed, does not answer well, or sends too much or too slowly.
    """
    deadline = time.monotonic() + seconds
    target = url
    with httpx.Client(trust_env=False, follow_redirects=False) as client:
        for _ in range(MAX_REDIRECTS + 1):
            request = _request(client, target, deadline=deadline, allowed=allowed)
            moved = _receive(client, request, path, max_bytes=max_bytes, deadline=deadline)
            if moved is None:
                return
            target = moved
    raise UserError(f"UPLOAD: {url[:200]} redirects more than {MAX_REDIRECTS} times")


def _request(client: httpx.Client, url: str, *, deadline: float, allowed: Allowed) -> httpx.Request:
    """Prepare a request to a checked address, under the name it was asked by."""
    parsed = _parse(url)
    address = _resolve(parsed, allowed=allowed)
    host = parsed.netloc.decode("ascii")
    return client.build_request(
        "GET",
        parsed.copy_with(host=str(address)),
        headers={"Host": host, "Accept-Encoding": "identity"},
        timeout=max(0.1, deadline - time.monotonic()),
        extensions={"sni_hostname": parsed.host},
    )


def _parse(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise UserError(f"UPLOAD: {url[:200]!r} is no address: {error}") from error
    if parsed.scheme not in _PORTS or not parsed.host:
        raise UserError(
            f"UPLOAD: {url[:200]!r} is no http or https address; send the table inline with param:"
        )
    if parsed.userinfo:
        raise UserError("UPLOAD: addresses with a user name or password are not accepted")
    return parsed


def _resolve(url: httpx.URL, *, allowed: Allowed) -> Address:
    port = url.port or _PORTS[url.scheme]
    try:
        found = socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UserError(f"UPLOAD: the host {url.host[:200]} is not known") from error
    addresses = [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]
    if not all(allowed(address) for address in addresses):
        raise UserError(f"UPLOAD: {url.host[:200]} is not a public address")
    return addresses[0]


def _receive(
    client: httpx.Client, request: httpx.Request, path: Path, *, max_bytes: int, deadline: float
) -> str | None:
    """Write the answer to `path`, or give the address it redirects to."""
    url = request.url.copy_with(host=request.extensions["sni_hostname"])
    try:
        with closing(client.send(request, stream=True)) as response:
            if response.is_redirect:
                return str(url.join(response.headers.get("location", "")))
            if response.status_code != 200:
                raise UserError(f"UPLOAD: {url} answers {response.status_code}")
            _write(response, path, max_bytes=max_bytes, deadline=deadline)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise UserError(f"UPLOAD: {url} cannot be read: {error}") from error
    return None


def _write(response: httpx.Response, path: Path, *, max_bytes: int, deadline: float) -> None:
    size = 0
    with path.open("wb") as file:
        for chunk in response.iter_raw():
            size += len(chunk)
            if size > max_bytes:
                raise UserError(f"UPLOAD: the table is larger than {max_bytes} bytes")
            if time.monotonic() > deadline:
                raise UserError("UPLOAD: the table does not arrive in time")
            file.write(chunk)
