from __future__ import annotations

from vo_emline.candidates import candidate_ids, publisher_dids
from vo_emline.candidates.identifiers import stem


def test_a_spectrum_keeps_the_identifier_it_brings() -> None:
    known = ["ivo://asu.cas.cz/stel/ccd700/td240024", ""]
    made = publisher_dids(["td240024.fits", "b.fits"], ["Ondrejov CCD700", "LAMOST LRS"], known=known)
    assert made[0] == known[0]
    assert made[1] == "ivo://x-vo-emline.local/~?lamost-lrs/b"


def test_one_name_in_two_folders_gives_two_identifiers() -> None:
    made = publisher_dids(["a/s.fits", "b/s.fits.gz"], ["LAMOST LRS"] * 2, known=["", ""])
    assert len(set(made)) == 2
    assert all(did.startswith("ivo://x-vo-emline.local/~?lamost-lrs/s.") for did in made)


def test_suffixes_go_and_odd_characters_are_replaced() -> None:
    assert stem("/x/spec-56284-GAC122S02V2_sp14-183.fits.gz") == "spec-56284-GAC122S02V2_sp14-183"
    assert stem("α Lyr (1).fit") == "-Lyr-1-"


def test_candidate_identifiers_are_stable_and_distinct() -> None:
    first = candidate_ids([f"ivo://x/~?{i}" for i in range(1000)])
    assert first == candidate_ids([f"ivo://x/~?{i}" for i in range(1000)])
    assert len(set(first)) == 1000
