"""The real registry refuses a schema that cannot read what was written under the earlier ones of its subject."""

import json
import time

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from infra.config import Config
from schemas import registry
from schemas.codec import schema_text
from schemas.records import Record, Trade
from schemas.registry import COMPATIBILITY, SchemaRefused, client, compatibility, make_codec, register_all
from schemas.topics import TOPICS, TRADES
from streams.cli.pipeline.doctor_checks import CHECKS, run
from tests.first_layout import OLD_SCHEMAS

SUBJECTS = sum(topic.record is not None for topic in TOPICS.values())


@pytest.fixture
def config(stack: Config, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Subjects of their own, none of them registered."""
    prefix = f"compatible-{time.time_ns()}-"
    monkeypatch.setenv("HEDGEHOG_TOPIC_PREFIX", prefix)
    return stack.model_copy(update={"topic_prefix": prefix})


@pytest.fixture
def api(config: Config) -> SchemaRegistryClient:
    """A client that is not ours."""
    return SchemaRegistryClient({"url": f"{config.registry}/apis/ccompat/v7"})


def breaking(record_type: type[Record]) -> str:
    """A later schema that asks for what no earlier record says."""
    schema = json.loads(schema_text(record_type))
    schema["fields"].append({"name": "more", "type": "string"})
    return json.dumps(schema)


def test_every_subject_gets_the_rule(config: Config, api: SchemaRegistryClient) -> None:
    ids = register_all(config)
    assert len(ids) == SUBJECTS
    assert register_all(config) == ids
    assert {compatibility(client(config), subject) for subject in ids} == {COMPATIBILITY}


def test_a_stricter_rule_is_left_alone(config: Config, api: SchemaRegistryClient) -> None:
    register_all(config)
    api.set_compatibility(TRADES.subject(config), "FULL_TRANSITIVE")
    register_all(config)
    assert compatibility(client(config), TRADES.subject(config)) == "FULL_TRANSITIVE"


def test_a_breaking_schema_is_refused_in_one_line(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    register_all(config)
    monkeypatch.setattr(registry, "schema_text", breaking)
    for refused in (lambda: register_all(config), lambda: make_codec(config, Trade)):
        with pytest.raises(SchemaRefused, match=rf"{TRADES.subject(config)}: Trade .*cannot read[^\n]*$") as told:
            refused()
        assert "more" in str(told.value)


def test_schemas_of_an_older_program_are_held_to_it_from_now_on(config: Config, api: SchemaRegistryClient) -> None:
    for name, text in OLD_SCHEMAS.items():
        api.register_schema(TOPICS[name].subject(config), Schema(text, "AVRO"))
    register_all(config)
    orders = TOPICS["orders"].subject(config)
    assert compatibility(client(config), orders) == COMPATIBILITY
    assert len(api.get_versions(orders)) == 2


def test_a_subject_without_the_rule_gets_it_before_the_next_schema(
    config: Config, api: SchemaRegistryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.register_schema(TRADES.subject(config), Schema(schema_text(Trade), "AVRO"))
    monkeypatch.setattr(registry, "schema_text", breaking)
    with pytest.raises(SchemaRefused):
        register_all(config)


def test_the_doctor_names_what_has_no_rule(config: Config, api: SchemaRegistryClient) -> None:
    (check,) = [check for check in CHECKS if check.name == "schemas"]
    register_all(config)
    assert run(check, [])["state"] == "ok"
    api.set_compatibility(TRADES.subject(config), "NONE")
    row = run(check, [])
    assert (row["state"], row["type"]) == ("problem", "make infra-up")
    assert row["finding"].endswith(f"cannot read their records: {TRADES.subject(config)}")
