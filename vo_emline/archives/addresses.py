"""Addresses of services: making them, and hiding what is secret in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

_SECRET = re.compile(r"([?&](?:token|key|password)=)[^&#\s]*", re.IGNORECASE)


def join_url(base: str, inputs: Mapping[str, str]) -> str:
    """Append parameters to an address that may have some already."""
    if not inputs:
        return base
    glue = "" if base.endswith(("?", "&")) else "&" if urlsplit(base).query else "?"
    return f"{base}{glue}{urlencode(inputs, quote_via=quote)}"


def redact(text: str) -> str:
    """Hide the secrets of addresses in a text (``token=…``), for files and messages."""
    return _SECRET.sub(r"\1***", text)
