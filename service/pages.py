"""Pages made from the templates in ``templates/``; everything inserted is escaped."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from service.urls import Urls


@cache
def environment() -> Environment:
    """Give the template environment, made once."""
    return Environment(
        loader=PackageLoader("service", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
"""The pages load nothing from elsewhere and run no scripts; browsers are told so."""


def relative_urls(path: str) -> Urls:
    """Give the addresses of the service as seen from the page at `path`, whatever name it was opened by.

    A page that is opened under another name than the public one, such as
    127.0.0.1, would else point elsewhere, which its policy forbids.

    >>> relative_urls("/").tap, relative_urls("/candidate/EML-1.html").home
    ('./tap', '../')
    """
    return Urls("/".join([".."] * (path.count("/") - 1)) or ".")


def render(template: str, **values: Any) -> str:
    """Fill a template."""
    return environment().get_template(template).render(**values)
