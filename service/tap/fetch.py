"""Fetching what a client points to, from public addresses only.

The name is resolved once, every address it has must be public, and the
connection goes to the address that was checked: a second resolution could
give another one. Each redirect is checked anew.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import httpx

from vo_emline.errors import UserError

MAX_REDIRECTS: Final = 5
_PORTS: Final = {"http": 80, "https": 443}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Allowed = Callable[[Address], bool]


def is_public(address: Address) -> bool:
    """Tell whether `address` belongs to the public internet, addresses wrapped in IPv6 included."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is not None:
            return is_public(inner)
        if address in ipaddress.ip_network("64:ff9b::/96"):  # IPv4 behind a translator
            return False
    return address.is_global and not address.is_multicast


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
    except httpx.HTTPError as error:
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
