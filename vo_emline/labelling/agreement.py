"""How far people agree, and what several of them say together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal, TypeVar

import numpy as np
from scipy.special import ndtri

from vo_emline.arrays import FloatArray
from vo_emline.errors import UserError
from vo_emline.labelling.log import Label
from vo_emline.labels import BY_PROFILE, UNKNOWN

Level = Literal["profile", "label", "emission"]
"""What is compared: profiles, the three classes of the network, or whether it is emission of the star."""

Rule = Literal["majority", "unanimous", "latest"]
"""How many must say the same: more than half, all, or whoever spoke last."""

T = TypeVar("T")

CANNOT_TELL: Final = "cannot-tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kappa:
    """Agreement of two people beyond chance."""

    first: str
    second: str
    spectra: int
    """Spectra that both have labelled."""
    agreed: float
    """Share of them that both called the same; NaN where there are none."""
    kappa: float
    """Cohen's κ: 1 agreement, 0 that of chance; NaN where it is not defined (both said one thing only)."""
    interval: tuple[float, float]
    """Confidence interval of κ; -1 to 1 where it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consensus:
    """What people say of one spectrum together."""

    publisher_did: str
    profile: str
    """Name of the profile; empty where people do not agree on one."""
    label: str
    """Class of :data:`~vo_emline.labels.LABELS`; ``unknown`` where they agree on none."""
    emission: bool | None
    """Whether it is emission of the star; None where they do not agree, or could not tell."""
    decided_by: str
    """``one``, ``majority``, ``unanimous``, ``latest``, ``expert``, or ``nobody``."""
    labellers: int
    """How many people labelled it."""
    agreement: float
    """Share of them who say the profile; 0 where there is none."""
    quality: int
    """Median of what those say of how sure they are."""
    labelled_at: str
    """When the last of them did, UTC, ISO 8601."""
    comments: tuple[str, ...]
    """What people wrote, in order."""


def value_of(profile: str, level: Level) -> str | None:
    """Give what a profile is at a level; None for one that says nothing there."""
    known = BY_PROFILE[profile]
    if level == "profile":
        return None if profile == CANNOT_TELL else profile
    if level == "label":
        return known.label
    return None if known.emission is None else ("yes" if known.emission else "no")


def cohens_kappa(
    first: Sequence[Hashable], second: Sequence[Hashable], *, level: float = 0.95
) -> tuple[float, tuple[float, float]]:
    """Give Cohen's κ of two people's words for the same things, and its confidence interval.

    The interval has the standard error of large samples (Cohen 1960, Educ. Psychol. Meas. 20, 37; Fleiss,
    Cohen & Everitt 1969, Psychol. Bull. 72, 323, equation 13).

    Parameters
    ----------
    first, second
        What each said, in the same order, equally many.
    level
        Confidence.

    Returns
    -------
    tuple
        κ, NaN where chance alone would make them agree always; the interval, (-1, 1) where it is unknown.
    """
    words = {word: number for number, word in enumerate(dict.fromkeys([*first, *second]))}
    table = np.zeros((len(words), len(words)))
    for one, other in zip(first, second, strict=True):
        table[words[one], words[other]] += 1.0
    total = table.sum()
    if not total:
        return float("nan"), (-1.0, 1.0)
    share = table / total
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    agreed, chance = float(np.trace(share)), float(rows @ columns)
    if chance >= 1.0:
        return float("nan"), (-1.0, 1.0)
    kappa = (agreed - chance) / (1.0 - chance)
    half = float(ndtri(0.5 + level / 2.0)) * np.sqrt(_variance(share, agreed, chance) / total)
    return kappa, (max(-1.0, kappa - half), min(1.0, kappa + half))


def _variance(share: FloatArray, agreed: float, chance: float) -> float:
    """Give the variance of κ of one pair; n pairs have it over n."""
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    both = rows[:, None] + columns[None, :]
    on = np.diag(share) @ ((1.0 - chance) - np.diag(both) * (1.0 - agreed)) ** 2
    # the mean of row j's and column i's marginals belongs to the cell i, j
    crossed = columns[:, None] + rows[None, :]
    off = (share * crossed**2).sum() - np.diag(share) @ np.diag(crossed) ** 2
    rest = (agreed * chance - 2.0 * chance + agreed) ** 2
    return float(max(0.0, (on + (1.0 - agreed) ** 2 * off - rest) / (1.0 - chance) ** 4))


def agreement(labels: Iterable[Label], *, level: Level = "profile", confidence: float = 0.95) -> list[Kappa]:
    """Compare every two people who have spectra in common.

    Parameters
    ----------
    labels
        The labels that stand, at most one of each person and spectrum
        (:meth:`~vo_emline.labelling.log.LabelLog.current`).
    level
        What is compared; labels that say nothing at it are left out.
    confidence
        Of the intervals.

    Returns
    -------
    list
        Those with the most spectra in common first.
    """
    said: dict[str, dict[str, str]] = defaultdict(dict)
    for label in labels:
        value = value_of(label.profile, level)
        if value is not None:
            said[label.labeller][label.publisher_did] = value
    pairs = []
    for first, second in combinations(sorted(said), 2):
        common = sorted(said[first].keys() & said[second].keys())
        if common:
            words = [[said[person][did] for did in common] for person in (first, second)]
            kappa, interval = cohens_kappa(*words, level=confidence)
            agreed = float(np.mean([one == other for one, other in zip(*words, strict=True)]))
            pairs.append(
                Kappa(first=first, second=second, spectra=len(common), agreed=agreed, kappa=kappa,
                      interval=interval)
            )  # fmt: skip
    return sorted(pairs, key=lambda pair: -pair.spectra)


def consensus(
    labels: Iterable[Label], *, rule: Rule = "majority", experts: Collection[str] = ()
) -> list[Consensus]:
    """Say what people say together.

    Those who cannot tell do not count, unless nobody can. Where people do not agree on a profile they may
    still agree on the class, or on whether it is emission: each is decided on its own.

    Parameters
    ----------
    labels
        The labels that stand, at most one of each person and spectrum.
    rule
        How many must say the same.
    experts
        People whose word goes before that of all others, who are then not asked.

    Returns
    -------
    list
        One for each spectrum, in the order in which these came first.
    """
    by_spectrum: dict[str, list[Label]] = {}
    for label in labels:
        by_spectrum.setdefault(label.publisher_did, []).append(label)
    return [_together(given, rule, experts) for given in by_spectrum.values()]


def _together(labels: Sequence[Label], rule: Rule, experts: Collection[str]) -> Consensus:
    expert = [label for label in labels if label.labeller in experts]
    asked = expert or labels
    able = [label for label in asked if label.profile != CANNOT_TELL] or asked
    profile = _decided([label.profile for label in _by_time(able)], rule) or ""
    label = _decided([BY_PROFILE[one.profile].label for one in _by_time(able)], rule)
    emission = _decided([BY_PROFILE[one.profile].emission for one in _by_time(able)], rule)
    said = [one for one in able if one.profile == profile] or able
    decided_by = (
        "nobody" if not profile
        else "expert" if expert
        else "one" if len(labels) == 1
        else "unanimous" if all(one.profile == profile for one in labels)
        else rule
    )  # fmt: skip
    return Consensus(
        publisher_did=labels[0].publisher_did,
        profile=profile,
        label=label or UNKNOWN,
        emission=emission,
        decided_by=decided_by,
        labellers=len({one.labeller for one in labels}),
        agreement=sum(one.profile == profile for one in labels) / len(labels) if profile else 0.0,
        quality=int(np.median([one.quality for one in said])),
        labelled_at=max(one.labelled_at for one in labels),
        comments=tuple(one.comment for one in _by_time(labels) if one.comment),
    )


def _by_time(labels: Sequence[Label]) -> list[Label]:
    return sorted(labels, key=lambda label: label.labelled_at)


def _decided(words: Sequence[T], rule: Rule) -> T | None:
    """Give the word that the rule decides for; None where it decides for none."""
    if rule == "latest":
        return words[-1]
    word, votes = Counter(words).most_common(1)[0]
    wanted = len(words) if rule == "unanimous" else len(words) // 2 + 1
    return word if votes >= wanted else None


def merge(exports: Mapping[str, Iterable[Label]]) -> list[Label]:
    """Make one log of several: every label once, in the order in which they were given.

    Parameters
    ----------
    exports
        Labels by the name of what they came from.

    Raises
    ------
    UserError
        One ``label_id`` means different labels.
    """
    merged: dict[str, tuple[str, Label]] = {}
    for name, labels in exports.items():
        for label in labels:
            other, known = merged.setdefault(label.label_id, (name, label))
            if _said(known) != _said(label):
                raise UserError(
                    f"{name} and {other} have different labels under one label_id {label.label_id}"
                )
    # who takes a label back comes after it, whatever the clocks say
    labels = [label for _, label in merged.values()]
    return sorted(labels, key=lambda label: (bool(label.undoes), label.labelled_at))


def _said(label: Label) -> dict[str, object]:
    return {name: value for name, value in label.to_json().items() if name != "received_at"}
