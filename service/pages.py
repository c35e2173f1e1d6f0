"""Pages made from the templates in ``templates/``; everything inserted is escaped."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from service.assets import assets
from service.urls import Urls


@cache
def environment() -> Environment:
    """Give the template environment, made once."""
    made = Environment(
        loader=PackageLoader("service", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset_version"] = lambda name: assets()[name].version
    return made


HUBS: Final = ("http://localhost:21012", "http://127.0.0.1:21012")
"""Where a page finds the hub of the Web Profile of SAMP (SAMP 1.3, section 5.2.1)."""

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    f"img-src 'self' data:; connect-src 'self' {' '.join(HUBS)}; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
"""The pages load styles and scripts from us only, none stands in the pages themselves, and they talk to us
and to a SAMP hub of the reader's own machine; browsers are told so."""


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
