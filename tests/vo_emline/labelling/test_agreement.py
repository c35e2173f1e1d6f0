"""Agreement of people beyond chance, and what they say together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from vo_emline.errors import UserError
from vo_emline.labelling import Label
from vo_emline.labelling.agreement import agreement, cohens_kappa, consensus, merge


def label(labeller: str, profile: str, did: str = "ivo://x/1", **more: object) -> Label:
    return Label.from_json({"publisher_did": did, "labeller": labeller, "profile": profile} | more)


def kappa_of(share: npt.NDArray[np.float64]) -> float:
    share = share / share.sum()
    chance = float(share.sum(axis=1) @ share.sum(axis=0))
    return (float(np.trace(share)) - chance) / (1 - chance)


def test_kappa_and_its_error_of_a_table_worked_by_hand() -> None:
    # 20 + 15 of 50 agree; by chance 0.5·0.6 + 0.5·0.4 would
    table = {("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}
    first, second = zip(*(pair for pair, count in table.items() for _ in range(count)), strict=True)
    kappa, (low, high) = cohens_kappa(first, second)
    assert kappa == pytest.approx(0.4)
    # its variance by the delta method, with a gradient by differences instead of the formula
    share = np.array([[20.0, 5.0], [10.0, 15.0]]) / 50
    steps = np.eye(4).reshape(4, 2, 2) * 1e-6
    gradient = np.array([(kappa_of(share + step) - kappa_of(share - step)) / 2e-6 for step in steps])
    variance = share.ravel() @ gradient**2 - (share.ravel() @ gradient) ** 2
    assert (high - low) / 2 == pytest.approx(1.959964 * np.sqrt(variance / 50), rel=1e-4)


def test_kappa_where_nothing_or_everything_is_known() -> None:
    assert cohens_kappa(["a", "b", "c"], ["a", "b", "c"]) == (pytest.approx(1.0), (1.0, 1.0))
    for words in ([], ["a", "a"]):
        kappa, interval = cohens_kappa(words, words)
        assert np.isnan(kappa)
        assert interval == (-1.0, 1.0)


def test_the_interval_of_kappa_holds_the_truth() -> None:
    random = np.random.default_rng(4)
    right, share, agree = 0, np.array([0.5, 0.3, 0.2]), 0.7
    for _ in range(400):
        truth = random.choice(3, 250, p=share)
        other = np.where(random.uniform(size=250) < agree, truth, random.choice(3, 250, p=share))
        _, (low, high) = cohens_kappa(truth.tolist(), other.tolist())
        right += low <= agree <= high  # with these marginals κ is the share that did not guess
    assert 0.92 <= right / 400 <= 0.98


def test_people_are_compared_on_what_they_have_in_common() -> None:
    labels = [
        label("ann", "emission", "a"), label("ann", "absorption", "b"), label("ann", "cannot-tell", "c"),
        label("bob", "p-cygni", "a"), label("bob", "absorption", "b"), label("bob", "emission", "c"),
        label("cid", "nebular", "d"),
    ]  # fmt: skip
    (by_profile,) = agreement(labels)
    assert (by_profile.first, by_profile.second, by_profile.spectra, by_profile.agreed) == (
        "ann",
        "bob",
        2,
        0.5,
    )
    (by_class,) = agreement(labels, level="label")
    assert (by_class.agreed, by_class.kappa) == (1.0, 1.0)
    assert agreement(labels[:3]) == []


def test_a_majority_decides_and_those_who_cannot_tell_do_not_count() -> None:
    labels = [label("ann", "emission"), label("bob", "emission", quality=1), label("cid", "nebular")]
    (one,) = consensus([*labels, label("dan", "cannot-tell")])
    assert (one.profile, one.label, one.emission, one.decided_by) == (
        "emission",
        "emission",
        True,
        "majority",
    )
    assert (one.labellers, one.agreement, one.quality) == (4, 0.5, 2)
    (strict,) = consensus(labels, rule="unanimous")
    assert (strict.profile, strict.label, strict.emission, strict.decided_by) == (
        "",
        "unknown",
        None,
        "nobody",
    )


def test_what_is_not_agreed_in_detail_may_be_in_the_main() -> None:
    (split,) = consensus([label("ann", "p-cygni"), label("bob", "emission")])
    assert (split.profile, split.label, split.emission) == ("", "emission", True)
    (wider,) = consensus([label("ann", "double-peak"), label("bob", "emission")])
    assert (wider.label, wider.emission) == ("unknown", True)
    (apart,) = consensus([label("ann", "absorption"), label("bob", "emission")])
    assert (apart.label, apart.emission, apart.agreement) == ("unknown", None, 0.0)
    (dark,) = consensus([label("ann", "cannot-tell"), label("bob", "cannot-tell")])
    assert (dark.profile, dark.label, dark.decided_by) == ("cannot-tell", "unknown", "unanimous")


def test_the_expert_and_the_last_word() -> None:
    labels = [
        label("ann", "emission", labelled_at="2026-01-02T00:00:00Z", comment="clear"),
        label("bob", "emission", labelled_at="2026-01-01T00:00:00Z", comment="wide"),
        label("eva", "artefact", labelled_at="2025-01-01T00:00:00Z", comment="cosmic"),
    ]
    (expert,) = consensus(labels, experts=["eva"])
    assert (expert.profile, expert.emission, expert.decided_by) == ("artefact", False, "expert")
    assert expert.comments == ("cosmic", "wide", "clear")
    changed = [labels[0], replace(labels[1], profile="nebular", labelled_at="2027-01-01T00:00:00.000Z")]
    (last,) = consensus(changed, rule="latest")
    assert (last.profile, last.decided_by, last.labelled_at[:4]) == ("nebular", "latest", "2027")


def test_exports_are_merged_each_label_once() -> None:
    first, second = label("ann", "emission"), label("bob", "nebular")
    undo = replace(first, label_id=label("ann", "emission").label_id, profile="", undoes=first.label_id)
    merged = merge({"a.csv": [undo, first], "b.csv": [replace(first, received_at="2027"), second]})
    assert merged[-1] == undo
    assert {one.label_id for one in merged} == {first.label_id, second.label_id, undo.label_id}
    with pytest.raises(UserError, match=r"b\.csv and a\.csv"):
        merge({"a.csv": [first], "b.csv": [replace(first, profile="absorption")]})
