"""What of a registry's export is kept in the broker. The registry itself: `tests/e2e/test_lost_database.py`."""

import json
from io import BytesIO
from zipfile import ZipFile

from schemas.registry_copy import only_of, schemas_in

TEXTS = {3: '{"name": "Trade"}', 5: '{"name": "Trade", "doc": "newer"}', 8: '{"name": "Other"}', 9: '{"name": "Both"}'}
VERSIONS = {("trades-value", "1"): 3, ("trades-value", "2"): 5, ("x-trades-value", "1"): 8, ("x-trades-value", "2"): 9}


def exported() -> bytes:
    """An export of two subjects, laid out as Apicurio 3 does it."""
    made = BytesIO()
    with ZipFile(made, "w") as files:
        files.writestr("manifest-1.Manifest.json", "{}")
        for number, text in TEXTS.items():
            name = f"content/{number:064x}.Content"
            files.writestr(f"{name}.json", json.dumps({"contentId": number, "contentHash": f"{number:064x}"}))
            files.writestr(f"{name}.data", text)
        for (subject, version), number in [*VERSIONS.items(), (("trades-value", "3"), 9)]:
            place = f"groups/default/artifacts/{subject}"
            files.writestr(f"{place}/versions/{version}.ArtifactVersion.json", json.dumps({"contentId": number}))
            files.writestr(
                f"{place}/rules/{version}.ArtifactRule.json", json.dumps({"about": [subject, version, number]})
            )
    return made.getvalue()


def test_an_export_names_its_schemas_by_id() -> None:
    assert schemas_in(exported()) == TEXTS


def test_only_what_our_subjects_need_is_kept() -> None:
    kept = only_of(exported(), ["trades-value"])
    assert schemas_in(kept) == {number: TEXTS[number] for number in (3, 5, 9)}, "also what another subject has, too"
    with ZipFile(BytesIO(kept)) as files:
        names = files.namelist()
    assert "manifest-1.Manifest.json" in names
    assert "groups/default/artifacts/trades-value/rules/1.ArtifactRule.json" in names
    assert not [name for name in names if "x-trades" in name]
