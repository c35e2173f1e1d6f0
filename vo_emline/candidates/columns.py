"""The published tables, described once: store, TAP_SCHEMA, VOTable fields, docs and client follow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from vo_emline.labels import BY_PROFILE, LABELS
from vo_emline.measure.quantities import QUANTITIES, Quantity
from vo_emline.measure.types import TYPES
from vo_emline.tables import Column, Table

HPX_ORDER: Final = 10
"""HEALPix order (NESTED) of the column ``hpx10`` by which every release is sorted."""

MOC_ORDER: Final = 7
"""HEALPix order of the coverage: 27′ across."""

_POSITION = (
    Column(name="ra", datatype="double", unit="deg", ucd="pos.eq.ra;meta.main",
           description="Right ascension of the target, ICRS", principal=True, indexed=True),
    Column(name="dec", datatype="double", unit="deg", ucd="pos.eq.dec;meta.main",
           description="Declination of the target, ICRS", principal=True, indexed=True),
    Column(name="hpx10", datatype="int", ucd="pos.healpix",
           description="HEALPix pixel of the position, order 10, NESTED", indexed=True),
)  # fmt: skip

_NAMES = (
    Column(name="obs_publisher_did", datatype="char", arraysize="*", ucd="meta.ref.ivoid",
           utype="Curation.PublisherDID",
           description="Publisher dataset identifier of the spectrum", principal=True, indexed=True,
           unique=True),
    Column(name="obsid", datatype="long", ucd="meta.id;obs",
           description="LAMOST observation identifier; NULL in DR1 and DR2", principal=True, indexed=True),
    Column(name="designation", datatype="char", arraysize="*", ucd="meta.id;src",
           description="Designation or name of the target", principal=True),
)  # fmt: skip

_SCORES = (
    Column(name="label", datatype="char", arraysize="*", ucd="src.class",
           description=f"Most probable class at H-alpha: {', '.join(LABELS)}", principal=True),
    Column(name="p_absorption", datatype="float", ucd="stat.probability",
           description="Calibrated probability of absorption or no line at H-alpha"),
    Column(name="p_emission", datatype="float", ucd="stat.probability",
           description="Calibrated probability of single-peaked emission at H-alpha", principal=True),
    Column(name="p_double_peak", datatype="float", ucd="stat.probability",
           description="Calibrated probability of double-peaked emission at H-alpha", principal=True),
    Column(name="score", datatype="float", ucd="stat.probability;meta.main",
           description="Probability of emission of either kind: p_emission + p_double_peak", principal=True),
    Column(name="p_nebular", datatype="float", ucd="stat.probability",
           description="Probability that narrow lines of a nebula lie over the star, by H-alpha, [N II] and "
           "[S II]; NULL where there is no sign of emission (score below 0.01)"),
)  # fmt: skip


def _of_quantity(quantity: Quantity) -> tuple[Column, Column]:
    """Describe the columns of a measured quantity and of its error; candidates have them where measurable."""
    name, unit, ucd = quantity.name, quantity.unit, quantity.ucd
    return (
        Column(name=name, datatype="float", unit=unit, ucd=ucd, description=quantity.description,
               principal=True),
        Column(name=quantity.error_name, datatype="float", unit=unit, ucd=f"stat.error;{ucd}",
               description=f"Standard deviation of {name}"),
    )  # fmt: skip


_LINES = (
    *(column for quantity in QUANTITIES for column in _of_quantity(quantity)),
    Column(name="line_significance", datatype="float", ucd="stat.snr;spect.line.eqWidth",
           description="Absolute equivalent width over its standard deviation"),
    Column(name="line_method", datatype="char", arraysize="*", ucd="meta.code",
           description="How the line was measured: network, classical, or which quantity by which; wide for "
           "lines over 550 km/s. Of spectra that are no candidates only the equivalent width is measured"),
    Column(name="profile", datatype="char", arraysize="*", ucd="src.class",
           description=f"Type of the profile of candidates: {', '.join(TYPES)}"),
    Column(name="p_profile", datatype="float", ucd="stat.probability",
           description="Probability of this type"),
)  # fmt: skip

_OBSERVATION = (
    Column(name="snr_r", datatype="float", ucd="stat.snr;em.opt.R",
           description="Signal-to-noise ratio per pixel in r, as the survey states it", principal=True),
    Column(name="epoch_mjd", datatype="double", unit="d", ucd="time.epoch;obs",
           description="Epoch of the observation, MJD (UTC): of what, says epoch_kind", principal=True),
    Column(name="spectral_class", datatype="char", arraysize="*", ucd="src.class",
           description="Class by the survey's pipeline (STAR, GALAXY, ...)"),
    Column(name="spectral_subclass", datatype="char", arraysize="*", ucd="src.spType",
           description="Subclass by the survey's pipeline", principal=True),
    Column(name="epoch_kind", datatype="char", arraysize="*", ucd="meta.code;time.epoch",
           description="What epoch_mjd is of the exposure: middle, start, or just the day; empty if unknown"),
)  # fmt: skip

_KNOWN = Column(
    name="known_as", datatype="char", arraysize="*", ucd="meta.id.assoc", principal=True,
    description="Catalogued object at this place and its type, or 'not in' and the catalogues that were "
    "asked; NULL where none was",
)  # fmt: skip

_PROVENANCE = (
    Column(name="flags", datatype="char", arraysize="*", ucd="meta.code.qual",
           description="Quality flags, separated by spaces; empty where nothing is to be said"),
    Column(name="run_id", datatype="char", arraysize="*", ucd="meta.id",
           description="Run that classified the spectrum"),
    Column(name="model_version", datatype="char", arraysize="*", ucd="meta.version",
           description="Version of the trained network"),
)  # fmt: skip

_DID = "url_encode(obs_publisher_did)"
_ACCESS = (
    Column(name="access_url", datatype="char", arraysize="*", ucd="meta.ref.url", utype="Access.Reference",
           description="The spectrum as a VOTable in the IVOA spectrum data model", principal=True,
           computed="'{base_url}/spectrum?ID=' || " + _DID),
    Column(name="access_format", datatype="char", arraysize="*", ucd="meta.code.mime", utype="Access.Format",
           description="Media type of access_url", computed="'application/x-votable+xml'"),
    Column(name="datalink_url", datatype="char", arraysize="*", ucd="meta.ref.url",
           description="DataLink document: the spectrum in other formats, preview, cut-outs",
           computed="'{base_url}/datalink/links?ID=' || " + _DID),
    Column(name="preview_image_url", datatype="char", arraysize="*", ucd="meta.ref.url;meta.preview",
           description="Picture of the spectrum around H-alpha (PNG)",
           computed="'{base_url}/preview.png?ID=' || " + _DID),
    Column(name="page_url", datatype="char", arraysize="*", ucd="meta.ref.url",
           description="Page about the spectrum for people (HTML): facts, picture, links",
           computed="'{base_url}/candidate/' || url_encode(candidate_id) || '.html'"),
)  # fmt: skip

_PHOTOMETRY = (
    Column(name="gaia_source_id", datatype="long", ucd="meta.id",
           description="Identifier of the star in Gaia DR3, where a catalogue says it", principal=True),
    Column(name="phot_g_mean_mag", datatype="float", unit="mag", ucd="phot.mag;em.opt",
           description="Magnitude G of Gaia, where a catalogue says it"),
    Column(name="bp_rp", datatype="float", unit="mag", ucd="phot.color;em.opt.B;em.opt.R",
           description="Colour BP - RP of Gaia, where a catalogue says it"),
    Column(name="parallax", datatype="float", unit="mas", ucd="pos.parallax.trig",
           description="Parallax, where a catalogue says it"),
)  # fmt: skip

_ID = Column(
    name="candidate_id", datatype="char", arraysize="*", ucd="meta.id;meta.main",
    description="Identifier of the classified spectrum in this service", principal=True, indexed=True,
    unique=True,
)  # fmt: skip

_CLASSIFIED = (_ID, *_NAMES, *_POSITION, *_SCORES, *_LINES, *_OBSERVATION, _KNOWN, *_PROVENANCE, *_ACCESS)

CANDIDATES: Final = Table(
    schema="emline", name="candidates",
    description="Spectra with emission at H-alpha: label emission or double-peak", columns=_CLASSIFIED,
)  # fmt: skip

SCORES: Final = Table(
    schema="emline", name="scores",
    description="Every classified spectrum with its probabilities, candidates and others",
    columns=_CLASSIFIED,
)  # fmt: skip

REJECTS: Final = Table(
    schema="emline", name="rejects",
    description="Inputs that could not be classified, and why",
    columns=(
        Column(name="source", datatype="char", arraysize="*", ucd="meta.id;meta.file",
               description="Name of the file", principal=True),
        Column(name="code", datatype="char", arraysize="*", ucd="meta.code.error",
               description="Reason, machine-readable", principal=True),
        Column(name="message", datatype="unicodeChar", arraysize="*", ucd="meta.note",
               description="Reason in one sentence", principal=True),
        Column(name="run_id", datatype="char", arraysize="*", ucd="meta.id",
               description="Run that met the file"),
    ),
)  # fmt: skip

_OBJECT_ID = Column(
    name="object_id", datatype="char", arraysize="*", ucd="meta.id;src", principal=True, indexed=True,
    description="Identifier of the star: stays when spectra are added",
)  # fmt: skip


def _over_epochs(name: str, unit: str | None, ucd: str, what: str) -> tuple[Column, ...]:
    """Describe what is said of a quantity that every epoch may have."""

    def column(suffix: str, meaning: str, **more: Any) -> Column:
        return Column(name=f"{name}_{suffix}", datatype="float", description=meaning, **more)

    return (
        column("mean", f"Mean {what}, by inverse variance", unit=unit, ucd=f"{ucd};stat.mean",
               principal=True),
        column("error", f"Standard deviation of {name}_mean", unit=unit, ucd=f"stat.error;{ucd}"),
        column("scatter", f"Standard deviation of the {what} of single spectra", unit=unit,
               ucd=f"stat.stdev;{ucd}"),
        column("change", f"Significance, in standard deviations, with which the {what} is not constant: "
               "the probability of chi-square over all spectra, with stated errors and a systematic one",
               ucd=f"stat.fit.chi2;{ucd}", principal=True),
    )  # fmt: skip


OBJECTS: Final = Table(
    schema="emline", name="objects",
    description="Stars: what all classified spectra of each say together",
    columns=(
        replace(_OBJECT_ID, ucd="meta.id;meta.main", unique=True),
        *_POSITION,
        Column(name="designations", datatype="char", arraysize="*", ucd="meta.id;src", principal=True,
               description="Designations and names its spectra have, separated by semicolons"),
        Column(name="n_spectra", datatype="int", ucd="meta.number;obs", principal=True,
               description="Classified spectra of the star"),
        Column(name="n_epochs", datatype="int", ucd="meta.number;time.epoch", principal=True,
               description="Times it was observed: spectra within half a day are of one"),
        Column(name="surveys", datatype="char", arraysize="*", ucd="meta.id;obs", principal=True,
               description="Surveys and instruments that saw it, separated by semicolons"),
        Column(name="first_epoch_mjd", datatype="double", unit="d", ucd="time.epoch;stat.min",
               description="First observation, MJD (UTC)"),
        Column(name="last_epoch_mjd", datatype="double", unit="d", ucd="time.epoch;stat.max",
               description="Last observation, MJD (UTC)"),
        Column(name="best_candidate_id", datatype="char", arraysize="*", ucd="meta.id;obs",
               description="candidate_id of the spectrum with the highest signal-to-noise ratio"),
        Column(name="label", datatype="char", arraysize="*", ucd="src.class", principal=True,
               description="Class with the highest combined probability"),
        Column(name="score", datatype="float", ucd="stat.probability;meta.main", principal=True,
               description="Combined probability of emission: from the mean of the logarithms of the "
               "probabilities of all spectra, since these are not independent"),
        Column(name="score_max", datatype="float", ucd="stat.probability;stat.max", principal=True,
               description="Highest score of a single spectrum"),
        Column(name="score_min", datatype="float", ucd="stat.probability;stat.min",
               description="Lowest score of a single spectrum"),
        Column(name="best_label", datatype="char", arraysize="*", ucd="src.class",
               description="Class of the best spectrum"),
        Column(name="n_positive", datatype="int", ucd="meta.number",
               description="Spectra labelled emission or double-peak"),
        *_over_epochs("ew", "0.1nm", "spect.line.eqWidth;em.line.Halpha", "equivalent width"),
        *_over_epochs("vr", None, "spect.line.asymmetry;em.line.Halpha", "V/R"),
        *_over_epochs("rv", "km.s**-1", "spect.dopplerVeloc.opt;em.line.Halpha", "velocity of the line"),
        Column(name="spectral_subclass", datatype="char", arraysize="*", ucd="src.spType", principal=True,
               description="Subclass of the best spectrum by the survey's pipeline"),
        replace(_KNOWN, description="What a catalogue calls the star and its type, or which do not have it; "
                "candidates are looked for, NULL where none of its spectra is one or none was asked"),
        Column(name="main_type", datatype="char", arraysize="*", ucd="src.class", principal=True,
               description="What the surest of the catalogues that have the star say it is"),
        Column(name="known_in", datatype="char", arraysize="*", ucd="meta.ref", principal=True,
               description="Catalogues that have the star, the surest match first, separated by semicolons; "
               "possibly: something lies within 25 but not within 5 arcsec"),
        Column(name="not_in", datatype="char", arraysize="*", ucd="meta.note", principal=True,
               description="Catalogues that were asked about the star and do not have it, and when"),
        *_PHOTOMETRY,
        Column(name="flags", datatype="char", arraysize="*", ucd="meta.code.qual", principal=True,
               description="variable: one of the changes exceeds 5; appeared, disappeared: from absorption "
               "to emission or back between two epochs, and the equivalent width by more than 5 standard "
               "deviations; ambiguous: which spectra are of this star is not sure"),
    ),
)  # fmt: skip

EPOCHS: Final = Table(
    schema="emline", name="epochs",
    description="Which spectrum is of which star: joins emline.objects with emline.scores",
    columns=(
        _OBJECT_ID,
        _ID,
        Column(name="epoch_mjd", datatype="double", unit="d", ucd="time.epoch;obs", principal=True,
               description="Epoch of the observation, MJD (UTC)"),
        Column(name="survey", datatype="char", arraysize="*", ucd="meta.id;obs", principal=True,
               description="Survey or instrument that took the spectrum"),
        Column(name="separation", datatype="float", unit="arcsec", ucd="pos.angDistance", principal=True,
               description="Distance of the spectrum's stated position from that of the star"),
    ),
)  # fmt: skip

KNOWN: Final = Table(
    schema="emline", name="known",
    description="What catalogues call the stars: one row for a star and a catalogue that has it",
    columns=(
        _OBJECT_ID,
        Column(name="catalogue", datatype="char", arraysize="*", ucd="meta.ref", principal=True,
               description="Catalogue that was asked"),
        Column(name="identifier", datatype="char", arraysize="*", ucd="meta.id.assoc", principal=True,
               description="What it calls the star"),
        Column(name="object_type", datatype="char", arraysize="*", ucd="src.class", principal=True,
               description="What it says the star is, in its own words; empty where it does not say"),
        Column(name="match_kind", datatype="char", arraysize="*", ucd="meta.code", principal=True,
               description="How it was found: designation (the same one), position (within 5 arcsec), "
               "possible (within 25 arcsec)"),
        Column(name="separation", datatype="float", unit="arcsec", ucd="pos.angDistance", principal=True,
               description="Distance of its position from that of the star"),
        Column(name="ra", datatype="double", unit="deg", ucd="pos.eq.ra",
               description="Right ascension in the catalogue, ICRS"),
        Column(name="dec", datatype="double", unit="deg", ucd="pos.eq.dec",
               description="Declination in the catalogue, ICRS"),
        Column(name="catalogue_epoch", datatype="double", unit="yr", ucd="time.epoch",
               description="Epoch of the positions of the catalogue, Julian year; NULL where unknown"),
        Column(name="asked_on", datatype="char", arraysize="*", ucd="time.processing",
               description="Day on which the catalogue was asked, ISO 8601"),
        *_PHOTOMETRY,
    ),
)  # fmt: skip

PEOPLE_SAY: Final = (
    Column(name="label", datatype="char", arraysize="*", ucd="src.class", principal=True,
           description=f"Class that people agree on: {', '.join(LABELS)}; unknown where on none"),
    Column(name="profile", datatype="char", arraysize="*", ucd="src.class", principal=True,
           description=f"Profile that people agree on: {', '.join(BY_PROFILE)}; empty where on none"),
    Column(name="is_emission", datatype="short", ucd="meta.code", principal=True,
           description="1 where people see emission of the star, 0 where they do not (a nebula's light and "
           "artefacts included), NULL where they do not agree or could not tell"),
    Column(name="quality", datatype="short", ucd="meta.code.qual",
           description="How sure they were: 1 guess, 2 likely, 3 sure (median)"),
    Column(name="n_labellers", datatype="short", ucd="meta.number", principal=True,
           description="People who labelled the spectrum"),
    Column(name="agreement", datatype="float", ucd="stat.value", principal=True,
           description="Share of them who say the profile; 0 where people agree on none"),
    Column(name="decided_by", datatype="char", arraysize="*", ucd="meta.code",
           description="How it was decided: one, majority, unanimous, latest, expert, nobody"),
    Column(name="labelled_at", datatype="char", arraysize="*", xtype="timestamp", ucd="time.creation",
           description="When the last of them labelled it, UTC"),
)  # fmt: skip
"""What people say of a spectrum together: columns of the published labels and of exports."""

SAID: Final = Table(
    schema="emline", name="labels",
    description="Published labels of people, one row per spectrum: what they agree on",
    columns=(_NAMES[0], _ID, *PEOPLE_SAY),
)  # fmt: skip

CHANGES: Final = Table(
    schema="emline", name="changes",
    description="What became of candidates since the release before",
    columns=(
        replace(_ID, unique=True),
        _OBJECT_ID,
        _NAMES[2],
        Column(name="change", datatype="char", arraysize="*", ucd="meta.code.status", principal=True,
               description="appeared: a candidate among new spectra; label changed; withdrawn: the spectrum "
               "is not in this release any more"),
        Column(name="label_before", datatype="char", arraysize="*", ucd="src.class", principal=True,
               description="Class in the release before; NULL where it did not have the spectrum"),
        Column(name="label_now", datatype="char", arraysize="*", ucd="src.class", principal=True,
               description="Class in this release; NULL where it does not have the spectrum"),
        Column(name="score_before", datatype="float", ucd="stat.probability", principal=True,
               description="Probability of emission in the release before"),
        Column(name="score_now", datatype="float", ucd="stat.probability", principal=True,
               description="Probability of emission in this release"),
        Column(name="run_before", datatype="char", arraysize="*", ucd="meta.id",
               description="Run that made the release before"),
    ),
)  # fmt: skip

COVERAGE: Final = Table(
    schema="emline", name="coverage",
    description="Where there are classified spectra: the MOC of each survey, one row for each of its cells",
    columns=(
        Column(name="survey", datatype="char", arraysize="*", ucd="meta.id;obs", principal=True,
               description="Survey or instrument"),
        Column(name="cell", datatype="char", arraysize="*", ucd="pos.outline;obs.field",
               description="The cell as a MOC: the second argument of CONTAINS", principal=True, moc=True,
               computed="norder || '/' || npix"),
        Column(name="norder", datatype="int", ucd="pos.healpix",
               description=f"HEALPix order of the cell: {MOC_ORDER}", principal=True),
        Column(name="npix", datatype="int", ucd="pos.healpix", principal=True,
               description="HEALPix pixel of the cell, NESTED"),
        Column(name="n_spectra", datatype="int", ucd="meta.number;obs", principal=True,
               description="Classified spectra in the cell"),
        Column(name="n_candidates", datatype="int", ucd="meta.number", principal=True,
               description="Those labelled emission or double-peak"),
        Column(name="first_epoch_mjd", datatype="double", unit="d", ucd="time.epoch;stat.min",
               description="First observation in the cell, MJD (UTC)"),
        Column(name="last_epoch_mjd", datatype="double", unit="d", ucd="time.epoch;stat.max",
               description="Last observation in the cell, MJD (UTC)"),
    ),
)  # fmt: skip

PUBLISHED: Final = (CANDIDATES, SCORES, REJECTS, OBJECTS, EPOCHS, KNOWN, CHANGES, SAID, COVERAGE)
"""The tables of schema ``emline``, in the order they are listed."""

CLASSIFIED: Final = Table(
    schema="", name="classified",
    description="Files classified with a trained network, one row per input",
    columns=(
        Column(name="file", datatype="unicodeChar", arraysize="*", ucd="meta.id;meta.file",
               description="Name of the file"),
        *_SCORES,
        *_LINES,
        _OBSERVATION[0],
        *_NAMES[1:],
        *_POSITION[:2],
        *_OBSERVATION[1:],
        _PROVENANCE[0],
        Column(name="reason", datatype="unicodeChar", arraysize="*", ucd="meta.note",
               description="Why the file could not be classified; empty where it was"),
    ),
)  # fmt: skip
"""What ``vo-emline classify`` writes."""

CUTOUTS: Final = Table(
    schema="internal", name="cutouts",
    description="H-alpha of every candidate, for pictures that open no file (not published as it stands)",
    columns=(
        _ID,
        Column(name="cutout", datatype="char", arraysize="*",
               description="Flux over pseudo-continuum of the 140 pixels (vo_emline.candidates.cutouts)"),
    ),
)  # fmt: skip
"""Cut-outs of the candidates."""

SPECTRA: Final = Table(
    schema="internal", name="spectra",
    description="Index of the spectra behind SSA, DataLink and ObsCore (not published as it stands)",
    columns=(
        _NAMES[0],
        _NAMES[1],
        Column(name="collection", datatype="char", arraysize="*",
               description="LAMOST LRS, LAMOST MRS, Ondrejov CCD700"),
        Column(name="release", datatype="char", arraysize="*", description="Data or pipeline version"),
        Column(name="target_name", datatype="char", arraysize="*", description="Designation or object name"),
        *_POSITION,
        Column(name="start_mjd", datatype="double", unit="d",
               description="Start of the exposure, MJD (UTC), or the day where no more is known"),
        Column(name="exposure_s", datatype="double", unit="s", description="Exposure time"),
        Column(name="wave_min", datatype="double", unit="m", description="First wavelength, vacuum"),
        Column(name="wave_max", datatype="double", unit="m", description="Last wavelength, vacuum"),
        Column(name="n_pixels", datatype="int", description="Number of pixels"),
        Column(name="resolving_power", datatype="float", description="Resolving power near H-alpha"),
        _OBSERVATION[0],
        _OBSERVATION[2],
        _OBSERVATION[3],
        Column(name="normalised", datatype="boolean", description="Whether the flux is continuum-normalised"),
        Column(name="layout", datatype="char", arraysize="*", description="Name of the file layout"),
        Column(name="path", datatype="unicodeChar", arraysize="*", description="Absolute path of the file"),
        Column(name="file_size", datatype="long", unit="byte", description="Size of the file"),
    ),
)  # fmt: skip
