"""Range lists: how SSA writes intervals (SSA 1.1, section 8.7.2)."""

from __future__ import annotations

from collections.abc import Callable

from vo_emline.errors import UserError

Interval = tuple[float, float]
OpenInterval = tuple[float | None, float | None]


def parse_ranges(name: str, text: str, *, read: Callable[[str], Interval]) -> list[OpenInterval]:
    """Read a list of values and ranges, such as ``a,b/c,/d,e/``.

    Parameters
    ----------
    name
        Name of the parameter, for messages.
    text
        The list, without a qualifier.
    read
        Reads one value as the interval it stands for (a date is a whole day).

    Returns
    -------
    list of tuple
        First and last value of each range; None for an open end.

    Raises
    ------
    UserError
        A range has more than two ends, none at all, or is upside down.
    """
    return [_range(name, item.strip(), read) for item in text.split(",")]


def split_qualifier(name: str, text: str, *, allowed: tuple[str, ...]) -> tuple[str, str]:
    """Split ``list;qualifier``; the qualifier is given back in lower case, empty where there is none.

    Raises
    ------
    UserError
        The qualifier is not one of `allowed`.
    """
    values, _, qualifier = text.partition(";")
    qualifier = qualifier.strip().lower()
    if qualifier and qualifier not in allowed:
        raise UserError(f"{name}={text[:80]}: the qualifier is not one of {', '.join(allowed)}")
    return values.strip(), qualifier


def _range(name: str, item: str, read: Callable[[str], Interval]) -> OpenInterval:
    ends = [end.strip() for end in item.split("/")]
    if len(ends) > 2 or not any(ends):
        given = item[:80] or "an empty item"
        raise UserError(f"{name}: {given} is neither a value nor a range such as a/b, a/ or /b")
    if len(ends) == 1:
        return read(ends[0])
    low = read(ends[0])[0] if ends[0] else None
    high = read(ends[1])[1] if ends[1] else None
    if low is not None and high is not None and low > high:
        raise UserError(f"{name}: {item[:80]} ends before it begins")
    return low, high
