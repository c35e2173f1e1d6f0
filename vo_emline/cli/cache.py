"""``vo-emline cache``: what has been downloaded, and getting rid of it."""

from __future__ import annotations

import click


@click.group()
def cache() -> None:
    """Look at, or empty, the cache of downloaded spectra.

    \b
    Examples:
      vo-emline cache info
      vo-emline cache clear
    """


@cache.command()
def info() -> None:
    """Print where the cache is and how much it holds."""
    from vo_emline.net.cache import Cache

    click.echo(Cache().info())


@cache.command()
def clear() -> None:
    """Remove every cached spectrum; it is fetched again when needed."""
    from vo_emline.net.cache import Cache

    click.echo(f"removed {Cache().clear()}")
