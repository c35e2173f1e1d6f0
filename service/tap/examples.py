"""Example queries, for people and for clients (DALI 1.1, section 2.3; TAP 1.1, section 2.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from service.pages import render
from service.store import Release
from service.urls import Urls


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A query worth showing."""

    key: str
    """Name of the example within the page."""
    title: str
    text: str
    """What it is good for."""
    query: str
    needs: str = "emline.candidates"
    """Table without which the example makes no sense."""
    upload: str = ""
    """What a client uploads with it, in words; empty for most."""


EXAMPLES: Final = (
    Example(
        key="best", title="The surest double peaks",
        text="Candidates of one class, the most probable first, with the address of each spectrum.",
        query="SELECT TOP 50 designation, ra, dec, p_double_peak, snr_r, access_url\n"
              "FROM emline.candidates\n"
              "WHERE label = 'double-peak' AND p_double_peak > 0.5\n"
              "ORDER BY p_double_peak DESC",
    ),
    Example(
        key="cone", title="Around a position",
        text="Candidates within half a degree of a position (ICRS, deg), nearest first.",
        query="SELECT designation, ra, dec, label, score,\n"
              "  DISTANCE(POINT('ICRS', ra, dec), POINT('ICRS', {ra}, {dec})) AS distance_deg\n"
              "FROM emline.candidates\n"
              "WHERE 1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', {ra}, {dec}, 0.5))\n"
              "ORDER BY distance_deg",
    ),
    Example(
        key="upload", title="Cross-match with your own list",
        text="Every object of an uploaded table t1 with columns ra and dec (deg) that has a candidate "
             "within 2 arcsec.",
        query="SELECT mine.*, c.candidate_id, c.label, c.score, c.access_url\n"
              "FROM TAP_UPLOAD.t1 AS mine\n"
              "JOIN emline.candidates AS c\n"
              "  ON 1 = CONTAINS(POINT('ICRS', mine.ra, mine.dec), CIRCLE('ICRS', c.ra, c.dec, 2 / 3600.0))",
        upload="t1",
    ),
    Example(
        key="obscore", title="Spectra that cover H-alpha, by instrument",
        text="All spectra of the service in the ObsCore model, classified or not.",
        query="SELECT TOP 100 obs_publisher_did, target_name, s_ra, s_dec, t_min, em_res_power, access_url\n"
              "FROM ivoa.obscore\n"
              "WHERE dataproduct_type = 'spectrum' AND 6.5646e-7 BETWEEN em_min AND em_max\n"
              "  AND em_res_power > 1000\n"
              "ORDER BY t_min",
        needs="ivoa.obscore",
    ),
    Example(
        key="density", title="Sky density",
        text="Candidates per HEALPix cell of order 5 (NESTED, 3.4 square degrees), ready to be drawn as a "
             "map; the same over emline.scores gives the spectra that were looked at.",
        query="SELECT hpx5, COUNT(*) AS candidates, AVG(score) AS mean_score\n"
              "FROM (SELECT hpx10 / 1024 AS hpx5, score FROM emline.candidates) AS cells\n"
              "GROUP BY hpx5\n"
              "ORDER BY candidates DESC",
    ),
    Example(
        key="coverage", title="Where there are spectra",
        text="The surveys that have spectra near a position, how many, and how many are candidates: "
             "emline.coverage is the MOC of each survey, a cell a row. With an uploaded table in place of "
             "the position it says which of your stars lie where this service has data.",
        query="SELECT survey, n_spectra, n_candidates, first_epoch_mjd, last_epoch_mjd\n"
              "FROM emline.coverage\n"
              "WHERE 1 = CONTAINS(POINT('ICRS', {ra}, {dec}), cell)",
        needs="emline.coverage",
    ),
    Example(
        key="audit", title="A sample for an audit",
        text="A small, evenly spread and repeatable sample of the classified spectra, to be checked by eye: "
             "those in every fiftieth HEALPix cell.",
        query="SELECT TOP 200 candidate_id, label, score, access_url, preview_image_url\n"
              "FROM emline.scores\n"
              "WHERE MOD(hpx10, 50) = 7\n"
              "ORDER BY candidate_id",
        needs="emline.scores",
    ),
    Example(
        key="classes", title="How many of each class",
        text="Number, mean score and mean signal-to-noise ratio of each class.",
        query="SELECT label, COUNT(*) AS spectra, AVG(score) AS mean_score, AVG(snr_r) AS mean_snr\n"
              "FROM emline.scores\n"
              "GROUP BY label\n"
              "ORDER BY label",
        needs="emline.scores",
    ),
    Example(
        key="rejects", title="What could not be classified",
        text="The reasons why files were left out, and how often.",
        query="SELECT code, COUNT(*) AS files, MIN(source) AS one_of_them\n"
              "FROM emline.rejects\n"
              "GROUP BY code\n"
              "ORDER BY files DESC",
        needs="emline.rejects",
    ),
)  # fmt: skip
"""All examples; a release without scores shows those that work on it."""


def examples_for(release: Release) -> Sequence[Example]:
    """Give the examples that `release` can answer, with a position it holds filled in."""
    names = {table.qualified_name for table in release.tables}
    position = _position(release)
    return [_fill(example, position) for example in EXAMPLES if example.needs in names]


def examples_page(release: Release, urls: Urls) -> str:
    """Give the page of examples, XHTML with RDFa."""
    return render("examples.xhtml", examples=examples_for(release), urls=urls)


def _position(release: Release) -> tuple[float, float]:
    source = "emline.candidates" if release.table("emline.candidates") else release.index
    found = release.rows(f"SELECT ra, dec FROM {source} WHERE ra IS NOT NULL LIMIT 1")  # noqa: S608
    return (round(found[0]["ra"], 3), round(found[0]["dec"], 3)) if found else (84.411, 21.143)


def _fill(example: Example, position: tuple[float, float]) -> Example:
    query = example.query.replace("{ra}", f"{position[0]}").replace("{dec}", f"{position[1]}")
    return Example(
        key=example.key, title=example.title, text=example.text, query=query, needs=example.needs,
        upload=example.upload,
    )  # fmt: skip
