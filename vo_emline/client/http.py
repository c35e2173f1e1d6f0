"""The HTTP session that pyvo works with: time limits, second attempts, no connection left open."""

from __future__ import annotations

import io
from typing import Any, Final

import requests
from pyvo.utils.http import create_session
from requests.adapters import HTTPAdapter
from urllib3.response import HTTPResponse
from urllib3.util.retry import Retry

CONNECT_TIMEOUT: Final = 10.0
"""Seconds to wait for a connection."""
READ_TIMEOUT: Final = 330.0
"""Seconds without a byte: a little more than the service gives a synchronous query."""


class _Adapter(HTTPAdapter):
    """Sets the time limits that pyvo does not, and reads every answer to its end.

    pyvo stops reading where the XML ends and never gives the connection
    back; so it is handed answers that are in memory already.
    """

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["timeout"] = kwargs.get("timeout") or (CONNECT_TIMEOUT, READ_TIMEOUT)
        response = super().send(request, *args, **kwargs)
        response.raw = HTTPResponse(
            body=io.BytesIO(response.content),
            headers={
                name: value for name, value in response.headers.items() if name.lower() != "content-encoding"
            },
            status=response.status_code,
            reason=response.reason,
            preload_content=False,
        )
        return response


def http_session() -> requests.Session:
    """Give a session that asks again, with growing pauses, when a service is busy or stumbles."""
    session: requests.Session = create_session()
    retry = Retry(
        total=3,
        connect=1,
        read=0,
        backoff_factor=0.5,
        status_forcelist=(502, 503, 504),
        raise_on_status=False,
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(max_retries=retry))
    return session
