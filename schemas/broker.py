"""Creates the topics on the broker and checks them. Every topic exists before anything is sent to it."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from aiokafka.errors import StaleMetadata
from aiokafka.protocol.metadata import MetadataRequest
from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its names are not said to be its own
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
    TopicMetadata,
)
from confluent_kafka.cimpl import NewTopic

from infra import clients, probes
from infra.config import Config
from infra.errors import StackError, Unreachable
from infra.security import PLAINTEXT
from schemas.nodes import AWAY, Nodes, ask, assert_taken
from schemas.topics import TOPICS, Topic, changelog

TIMEOUT_S = 15.0
T = TypeVar("T")
MIN_INSYNC = "min.insync.replicas"
REPLAY_MARK = "replay"
"""The empty topic, after the prefix, that marks a prefix as one of replays: `hedgehog replay` creates it."""


class TopicError(StackError):
    """A topic is not as it has to be, or the broker refuses to create it."""


class TopicsMissing(TopicError):
    """Topics that are needed do not exist; `names` are their full names."""

    def __init__(self, config: Config, names: Sequence[str]) -> None:
        super().__init__(f"topics missing on {config.bootstrap}: {', '.join(names)}")
        self.names = names


def client_settings(config: Config) -> dict[str, str | int | float | bool]:
    """Return the settings of every client that only asks or reads; librdkafka's own lines are not for the user."""
    return {**clients.librdkafka(config), "client.id": "hedgehog", "log_level": 0}


def admin(config: Config) -> AdminClient:
    """Return a client for questions about topics and groups."""
    return AdminClient(client_settings(config))


def create_topics(config: Config, wanted: Collection[Topic] = tuple(TOPICS.values())) -> list[str]:
    """Create those of the wanted topics that are missing; return their full names, in order.

    Every broker knows of them then. Repeating it changes nothing. Raises `Unreachable` when the broker does not answer,
    or one of several does not show them in the end, `TopicError` when a topic was there before with another partition
    count than `config.partitions`, and for copies that are asked for in vain.
    """
    client, in_sync = admin(config), _in_sync(config)
    found = _partitions(config, client)
    _assert_partitions(config, found, wanted)
    missing = [topic for topic in wanted if topic.full_name(config) not in found]
    created = _create(config, client, missing, in_sync) if missing else []
    ask(config, partial(known_to_all, [topic.full_name(config) for topic in wanted], True), TIMEOUT_S)
    if missing:  # somebody else may have been faster, with another partition count
        check_topics(config, missing)
    return created


def _create(config: Config, client: AdminClient, missing: Iterable[Topic], in_sync: dict[str, str]) -> list[str]:
    futures = client.create_topics(
        [
            NewTopic(
                topic.full_name(config),
                num_partitions=config.partitions,
                replication_factor=config.copies,
                config={**topic.config, **in_sync},
            )
            for topic in missing
        ],
        operation_timeout=TIMEOUT_S,
        request_timeout=TIMEOUT_S,
    )
    return [name for name, future in futures.items() if _was_created(name, future.result)]


def configure_topics(config: Config, wanted: Collection[Topic] = tuple(TOPICS.values())) -> list[str]:
    """Give topics that were created before the settings of today; return the full names of those that had others.

    Those with another number of copies keep how many of these have to have a record. Raises `TopicError` where the
    broker refuses one.
    """
    client, in_sync = admin(config), _in_sync(config)
    resources = {ConfigResource(ResourceType.TOPIC, topic.full_name(config)): topic for topic in wanted if topic.config}
    found = client.describe_configs(list(resources), request_timeout=TIMEOUT_S)
    copies = {name: fewest_copies(topic) for name, topic in client.list_topics(timeout=TIMEOUT_S).topics.items()}
    altered = []
    for resource, topic in resources.items():
        now = found[resource].result(TIMEOUT_S)
        asked = {**topic.config, **(in_sync if copies.get(resource.name) == config.copies else {})}
        changed = {name: value for name, value in asked.items() if now[name].value != value}
        if changed:
            set_to = AlterConfigOpType.SET
            entries = [ConfigEntry(name, value, incremental_operation=set_to) for name, value in changed.items()]
            altered.append(ConfigResource(ResourceType.TOPIC, resource.name, incremental_configs=entries))
    _alter(client, altered)
    return [resource.name for resource in altered]


def _in_sync(config: Config) -> dict[str, str]:
    """Return the setting of how many copies of a record there have to be; `TopicError` for more than there are."""
    if config.min_insync > config.copies:
        raise TopicError(
            f"HEDGEHOG_MIN_INSYNC_REPLICAS={config.min_insync}: every topic has {config.copies} copies, and would take "
            "no record"
        )
    return {MIN_INSYNC: str(config.min_insync)}


def fewest_copies(topic: TopicMetadata) -> int:
    """Return how many copies the partition has that has fewest."""
    return min((len(partition.replicas) for partition in topic.partitions.values()), default=0)


def _alter(client: AdminClient, altered: list[ConfigResource]) -> None:
    futures = client.incremental_alter_configs(altered, request_timeout=TIMEOUT_S) if altered else {}
    for resource, future in futures.items():
        try:
            future.result(TIMEOUT_S)
        except KafkaException as error:
            raise TopicError(f"topic {resource.name}: {error.args[0].str()}") from None


async def known_to_all(names: Collection[str], there: bool, nodes: Nodes) -> None:
    """Wait until every broker shows these topics, or none of them, which is a moment after the change of one.

    Whoever asks next may ask any of them.
    """
    asked = [nodes.again(partial(_assert_known, names, there, number, nodes)) for number in nodes.numbers()]
    await asyncio.gather(*asked)


async def _assert_known(names: Collection[str], there: bool, number: int, nodes: Nodes) -> None:
    """Raise aiokafka's error where a broker does not know yet. One that is away knows before it is back."""
    try:
        answer = await nodes.send(number, MetadataRequest([*names], allow_auto_topic_creation=False))
    except AWAY:
        return
    for code, name, *_ in answer.topics:
        if there:
            assert_taken(code, f"broker {number}, topic {name}")
        elif not code:
            raise StaleMetadata(f"broker {number} still shows the topic {name}")


def check_topics(config: Config, wanted: Collection[Topic] = tuple(TOPICS.values())) -> None:
    """Raise `TopicsMissing`, or `TopicError`, unless every wanted topic exists with `config.partitions` partitions."""
    found = _partitions(config, admin(config))
    missing = [topic.full_name(config) for topic in wanted if topic.full_name(config) not in found]
    if missing:
        raise TopicsMissing(config, missing)
    _assert_partitions(config, found, wanted)


def partitions_of(config: Config, names: Collection[str]) -> list[tuple[str, int]]:
    """Return every partition of the topics of these full names; raise `TopicsMissing` where there is no such topic."""
    found = _partitions(config, admin(config))
    missing = [name for name in names if name not in found]
    if missing:
        raise TopicsMissing(config, missing)
    return [(name, number) for name in names for number in range(found[name])]


def topic_ids(config: Config, full_names: Collection[str], timeout_s: float = TIMEOUT_S) -> dict[str, str]:
    """Return the ids of topics by their full names: a topic that is made anew has another one.

    One that there is not is left out. Raises `Unreachable` when the broker does not answer in time.
    """
    client, found = admin(config), {}
    futures = client.describe_topics(TopicCollection([*full_names]), request_timeout=timeout_s)
    for full_name, future in futures.items():
        try:
            topic = if_there(future)
        except KafkaException as error:
            raise Unreachable(f"no Kafka broker answers at {config.bootstrap}: {error.args[0].str()}") from None
        if topic is not None:
            found[full_name] = str(topic.topic_id)
    return found


def if_there(future: Future[T]) -> T | None:
    """Return what a request came to that has a timeout of its own, or `None` where the broker knows no such topic."""
    try:
        return future.result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return None
        raise


def is_replay(config: Config) -> bool:
    """Return whether the topics are those of replays: no live trades go there, nor any from there to live tables."""
    prefix = config.topic_prefix  # an installation without one is live
    return bool(prefix) and f"{prefix}{REPLAY_MARK}" in _partitions(config, admin(config))


def delete_topics(config: Config) -> list[str]:
    """Delete every topic of this installation (those of `config.topic_prefix`); return their full names.

    Changelogs of agents that this program does not have are among them: a state would outlive what it was made of.
    """
    ours = {topic.full_name(config) for topic in TOPICS.values()}
    names = [name for name in _partitions(config, admin(config)) if name in ours or _is_changelog(config, name)]
    delete(config, names)
    return names


def delete(config: Config, full_names: Sequence[str]) -> None:
    """Delete topics, and wait until no broker shows them. Raises `Unreachable` where one still does in the end."""
    if full_names:
        client = admin(config)  # kept until all have answered: without it they fail
        futures = client.delete_topics([*full_names], operation_timeout=TIMEOUT_S, request_timeout=TIMEOUT_S)
        for future in futures.values():
            if_there(future)  # a broker may still have shown what is deleted
        ask(config, partial(known_to_all, full_names, False), TIMEOUT_S)


def _is_changelog(config: Config, name: str) -> bool:
    before, after = changelog("|", "").full_name(config).split("|")
    return name.startswith(before) and name.endswith(after)


def _partitions(config: Config, client: AdminClient) -> dict[str, int]:
    """Return the number of partitions of every topic of the broker, by name."""
    try:
        topics = client.list_topics(timeout=TIMEOUT_S).topics
    except KafkaException as error:
        raise Unreachable(f"no Kafka broker answers at {config.bootstrap}: {_reason(config, error)}") from None
    return {name: len(topic.partitions) for name, topic in topics.items()}


def _reason(config: Config, error: KafkaException) -> str:
    """Return why no broker answered; where we have to show who we are, whether it was that."""
    try:
        if config.kafka_security != PLAINTEXT:
            probes.broker(config)
    except ConnectionError as refused:
        return str(refused)
    except KafkaException:
        pass
    return str(error.args[0].str())


def _assert_partitions(config: Config, found: dict[str, int], wanted: Iterable[Topic]) -> None:
    names = [topic.full_name(config) for topic in wanted]
    wrong = [f"{name} has {found[name]}" for name in names if found.get(name, config.partitions) != config.partitions]
    if wrong:
        raise TopicError(
            f"every topic needs {config.partitions} partitions (HEDGEHOG_PARTITIONS), but {', '.join(wrong)}"
        )


def _was_created(name: str, result: Callable[[float], Any]) -> bool:
    """Return whether we created it; `False` when another process was faster."""
    try:
        result(TIMEOUT_S)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise TopicError(f"topic {name}: {error.args[0].str()}") from None
    return True
