"""The errors of the program.

::

    EmlineError
    ├── UserError      bad input: exit code 2, HTTP 400, QUERY_STATUS=ERROR
    ├── ArchiveError   an upstream service failed: exit code 3
    └── DataError      a file or row cannot be used: which one, and why
"""

from __future__ import annotations


class EmlineError(Exception):
    """Root of every error the program raises on purpose."""

    exit_code: int = 1
    """Exit code of the command line when this error ends a command."""


class UserError(EmlineError):
    """The request itself is wrong; the message says how to mend it."""

    exit_code = 2


class ArchiveError(EmlineError):
    """An upstream service could not deliver.

    Parameters
    ----------
    message
        What happened.
    url
        The address that was asked.
    retry
        Whether asking again later may help.
    """

    exit_code = 3

    def __init__(self, message: str, *, url: str = "", retry: bool = False) -> None:
        super().__init__(f"{message} [{url}]" if url else message)
        self.url = url
        self.retry = retry


class DataError(EmlineError):
    """A file or row cannot be used.

    Parameters
    ----------
    source
        The file (or row) at fault, as the user would name it.
    code
        Machine-readable reason, lower-case words joined by ``_``
        (``truncated``, ``no_halpha``, ``all_nan``, …).
    message
        The reason in one sentence.
    """

    exit_code = 4

    def __init__(self, source: str, code: str, message: str) -> None:
        super().__init__(f"{source}: {message} ({code})")
        self.source = source
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type[DataError], tuple[str, str, str]]:
        """Pickle with all three parts, so that worker processes can raise it."""
        return (type(self), (self.source, self.code, self.message))
