import pytest

from vo_emline.client.samp import SpectrumReference, TableReference, messages

TABLE = TableReference("http://service/tap/sync?QUERY=1", "vo-emline:abc", "Be stars")


def only_samp_types(value: object) -> bool:
    """SAMP 1.3, section 3.3: strings, lists and maps with string keys."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and only_samp_types(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(only_samp_types, value))
    return isinstance(value, str)


@pytest.mark.parametrize(
    "message",
    [
        messages.load_table(TABLE),
        messages.highlight_row(TABLE, 3),
        messages.select_rows(TABLE, [0, 5]),
        messages.point_at_sky(83.822, -5.391),
        messages.load_spectrum(
            SpectrumReference(url="http://s/1", name="HR 3135", identifier="ivo://x?1", position=(1.5, -2.5))
        ),
    ],
)
def test_messages_hold_nothing_but_strings_lists_and_maps(message: messages.Message) -> None:
    assert set(message) == {"samp.mtype", "samp.params"}
    assert only_samp_types(message)


def test_numbers_travel_as_text() -> None:
    assert messages.highlight_row(TABLE, 3)["samp.params"]["row"] == "3"
    assert messages.select_rows(TABLE, [0, 5])["samp.params"]["row-list"] == ["0", "5"]
    assert messages.point_at_sky(83.822, -5.391)["samp.params"] == {"ra": "83.822", "dec": "-5.391"}


def test_received_messages_are_read_back() -> None:
    assert messages.row_of(messages.highlight_row(TABLE, 12)["samp.params"]) == 12
    assert messages.rows_of(messages.select_rows(TABLE, [4, 2])["samp.params"]) == (4, 2)
    assert messages.position_of(messages.point_at_sky(0.25, -89.5)["samp.params"]) == (0.25, -89.5)


@pytest.mark.parametrize(
    ("params", "ours"),
    [
        ({"table-id": TABLE.table_id, "url": "file:/copy"}, True),
        ({"table-id": "another", "url": TABLE.url}, False),
        ({"url": TABLE.url}, True),
        ({"url": "http://elsewhere"}, False),
        ({}, False),
    ],
)
def test_table_id_decides_before_url(params: dict[str, str], ours: bool) -> None:
    assert TABLE.matches(params) is ours


def test_spectrum_metadata_are_what_splat_reads() -> None:
    reference = SpectrumReference(url="http://s/1", name="V395 Aur", identifier="ivo://x?1")
    meta = reference.meta()
    assert meta["Access.Format"] == "application/x-votable+xml"
    assert meta["Target.Name"] == "V395 Aur"
    assert (meta["Dataset.SpectralAxis"], meta["Dataset.FluxAxis"]) == ("wavelength", "flux")
    assert meta["vox:spectrum_units"] == "Angstrom"
    assert meta["vox:spectrum_axes"] == "wavelength flux"
    assert "Char.SpatialAxis.Coverage.Location.Value" not in meta


def test_spectrum_as_table_is_named_after_the_target() -> None:
    message = messages.load_spectrum_as_table(
        SpectrumReference(url="http://s/1", name="V395 Aur", identifier="ivo://x?1")
    )
    assert message == {
        "samp.mtype": "table.load.votable",
        "samp.params": {"url": "http://s/1", "table-id": "ivo://x?1", "name": "V395 Aur"},
    }
