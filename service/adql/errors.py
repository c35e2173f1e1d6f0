"""What is said when a query is not ADQL, or names what is not there."""

from __future__ import annotations

from vo_emline.errors import UserError


class AdqlError(UserError):
    """A query cannot be accepted.

    Parameters
    ----------
    message
        What is wrong, in one sentence without a full stop.
    line, column
        Where in the query, counted from 1; ``None`` where no place is to blame.
    hint
        What to write instead.
    """

    def __init__(
        self, message: str, *, line: int | None = None, column: int | None = None, hint: str | None = None
    ) -> None:
        self.message = message
        self.line = line
        self.column = column
        self.hint = hint
        where = f"line {line}, column {column}: " if line is not None else ""
        super().__init__(f"{where}{message}" + (f"; {hint}" if hint else ""))
