"""A copy of the registry's schemas and their ids, in the broker, beside the records that name these ids.

The registry of a stack keeps its schemas in Postgres. Where that is lost beside a kept broker, a new registry would
give the old ids to other schemas, and what was recorded would be read by them. The copy is an export of Apicurio; a
registry of another kind has none, and whoever runs it looks after its data.
"""

import json
import re
from collections.abc import Collection, Mapping
from http.client import NOT_FOUND
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from confluent_kafka import OFFSET_BEGINNING

from infra.config import Config
from infra.errors import StackError
from schemas.broker import partitions_of
from schemas.reader import Reader
from schemas.registry import client, register_all
from schemas.registry_client import RegistryArchive, RegistryError
from schemas.topics import SCHEMAS
from schemas.writer import ToWrite, write

KEY = "registry"
TIMEOUT_S = 30.0
WHAT_TO_DO = "give it the data that it had, or empty ones: an empty registry is filled from the broker"
ARTIFACT = re.compile(r"groups/[^/]+/artifacts/(?P<subject>[^/]+)/.+")
VERSION = re.compile(r"groups/[^/]+/artifacts/[^/]+/versions/.+\.json")
CONTENT = re.compile(r"content/(?P<hash>[0-9a-f]+)\.Content\.(json|data)")


class OtherSchemas(StackError):
    """The registry's ids are not those of the records in the broker; the message names one of them and both schemas."""


def register_beside_copy(config: Config) -> dict[str, int]:
    """Give a registry back what it has lost, register the schemas of today, and keep a copy; return the ids by subject.

    Raises `OtherSchemas` for a registry that has given ids of the copy to other schemas, and what `register_all` does.
    """
    kept = _read(config)
    if kept is not None:
        _restore(config, kept)
    ids = register_all(config)
    exported = RegistryArchive(config.registry).exported()
    if exported is not None:
        ours = only_of(exported, ids)
        if kept is None or schemas_in(ours) != schemas_in(kept):
            write(config, SCHEMAS.full_name(config), [ToWrite(ours, KEY)])
    return ids


def schemas_in(archive: bytes) -> dict[int, str]:
    """Return the schemas of an export by their ids."""
    with ZipFile(BytesIO(archive)) as files:
        return {
            content["contentId"]: files.read(f"content/{sha}.Content.data").decode()
            for sha, content in _contents(files)
        }


def only_of(archive: bytes, subjects: Collection[str]) -> bytes:
    """Return an export without other subjects: prefixes share a registry, and each has a copy of its own."""
    with ZipFile(BytesIO(archive)) as files, BytesIO() as made:
        ours = [name for name in files.namelist() if (of := ARTIFACT.fullmatch(name)) and of["subject"] in subjects]
        named = {json.loads(files.read(name))["contentId"] for name in ours if VERSION.fullmatch(name)}
        kept = {sha for sha, content in _contents(files) if content["contentId"] in named}
        with ZipFile(made, "w", ZIP_DEFLATED) as copy:
            for name in files.namelist():
                content = CONTENT.fullmatch(name)
                if name in ours or (content and content["hash"] in kept) or "/" not in name:
                    copy.writestr(name, files.read(name))
        return made.getvalue()


def _contents(files: ZipFile) -> list[tuple[str, Mapping[str, Any]]]:
    """The hash of each schema in an export, and what the export says of it."""
    names = [name for name in files.namelist() if CONTENT.fullmatch(name) and name.endswith(".json")]
    return [(said["contentHash"], said) for said in (json.loads(files.read(name)) for name in names)]


def _restore(config: Config, kept: bytes) -> None:
    """Give the registry back what it lacks of a copy. Raises `OtherSchemas`."""
    if _lacking(config, kept):
        RegistryArchive(config.registry).take_back(kept)
        still = _lacking(config, kept)
        if still:
            raise OtherSchemas(
                f"schema registry {config.registry_shown}: it has no schema of id {min(still)}, which records of "
                f"the broker at {config.bootstrap} name, and does not take it back; {WHAT_TO_DO}"
            )


def _lacking(config: Config, kept: bytes) -> set[int]:
    """Return the ids of a copy that the registry does not know. Raises `OtherSchemas` for one with another schema."""
    registry, lacking = client(config), set()
    for schema_id, text in sorted(schemas_in(kept).items()):
        try:
            known = json.loads(registry.schema(schema_id))
        except RegistryError as error:
            if error.status != NOT_FOUND:
                raise
            lacking.add(schema_id)
            continue
        ours = json.loads(text)
        if known != ours:
            raise OtherSchemas(
                f"schema registry {config.registry_shown}: id {schema_id} is {_name(known)} there, and {_name(ours)} "
                f"in the records of the broker at {config.bootstrap}; {WHAT_TO_DO}"
            )
    return lacking


def _name(schema: Any) -> str:
    return f"a schema of {schema.get('name')}" if isinstance(schema, dict) else f"the schema {schema!r:.40}"


def _read(config: Config) -> bytes | None:
    """Return the newest copy; `None` where there is none yet."""
    partitions = set(partitions_of(config, [SCHEMAS.full_name(config)]))
    with Reader(config, dict.fromkeys(partitions, OFFSET_BEGINNING)) as reader:
        values = [message.value() for message in reader.present(partitions, TIMEOUT_S) if message.key() == KEY.encode()]
    newest = values[-1] if values else None
    return newest if isinstance(newest, bytes) else None
