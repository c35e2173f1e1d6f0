"""Conditions on spectra: SQL with named parameters, never text of a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Range = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition in SQL, with the values of its named parameters."""

    sql: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


def overlaps(name: str, ranges: Iterable[Range], *, low: str, high: str) -> Condition:
    """Give the condition that the interval from `low` to `high` touches one of `ranges`.

    Parameters
    ----------
    name
        Prefix of the parameters' names.
    ranges
        First and last value; None for an open end.
    low, high
        SQL of the interval's ends.
    """
    return _any(name, ranges, at_least=high, at_most=low)


def within(name: str, ranges: Iterable[Range], *, value: str) -> Condition:
    """Give the condition that `value` (SQL) lies in one of `ranges`."""
    return _any(name, ranges, at_least=value, at_most=value)


def one_of(name: str, values: Sequence[str], *, value: str) -> Condition:
    """Give the condition that `value` (SQL) is one of `values`."""
    return Condition(f"{value} IN (SELECT unnest(${name}::VARCHAR[]))", {name: list(values)})


def contains_one_of(name: str, values: Sequence[str], *, value: str) -> Condition:
    """Give the condition that the text `value` (SQL) contains one of `values`; false where there are none."""
    parts = [f"contains({value}, ${name}_{place})" for place in range(len(values))]
    parameters = {f"{name}_{place}": text for place, text in enumerate(values)}
    return Condition(f"({' OR '.join(parts) or 'false'})", parameters)


def _any(name: str, ranges: Iterable[Range], *, at_least: str, at_most: str) -> Condition:
    parts, parameters = [], {}
    for place, (first, last) in enumerate(ranges):
        ends = []
        if first is not None:
            parameters[f"{name}_{place}_first"] = first
            ends.append(f"{at_least} >= ${name}_{place}_first")
        if last is not None:
            parameters[f"{name}_{place}_last"] = last
            ends.append(f"{at_most} <= ${name}_{place}_last")
        parts.append(" AND ".join(ends))
    return Condition(f"({' OR '.join(f'({part})' for part in parts)})", parameters)
