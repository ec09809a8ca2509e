"""What instruments run by: the compacted topics of instruments and settings read whole, changed, written, followed.

What the user wants to be told (`watches`) is changed in the same way: nobody's change is lost beside another's. A
record says what it changes, and every reader takes only that from it (`Chosen.upon`). But a compacted topic keeps no
more than the last record, and that of the slower of two commands does not know what the other one changed. So `change`
looks whether the last record says all that holds, and writes one that does where it does not, before it returns. Until
then the log keeps both: it is not compacted for days.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

from confluent_kafka import KafkaException

from infra.config import Config
from infra.errors import StackError, Unreachable
from producers.publisher import Publisher
from schemas.codec import Codec, CodecError
from schemas.compacted import CompactedTopics, Found
from schemas.reader import POLL_S
from schemas.records import Chosen, Instrument, Keyed, Settings, Setup
from schemas.registry import make_codec
from schemas.topics import INSTRUMENTS, SETTINGS, SNOOZES, WATCHES, Topic
from schemas.watches import Snooze, Watch

CONNECT_TIMEOUT_S = 5.0
WRITE_TIMEOUT_S = 30.0
FOLLOW_WAIT_MS = 100
ROUNDS_MAX = 20
"""So often `change` puts right what came between; each round takes a command that changed settings in that instant."""
TOPIC_OF: dict[type, Topic] = {Instrument: INSTRUMENTS, Settings: SETTINGS, Watch: WATCHES, Snooze: SNOOZES}

C = TypeVar("C", bound=Chosen)
K = TypeVar("K", bound=Keyed)


def read_all(config: Config) -> dict[str, Settings]:
    """Return the settings of every instrument that has been set, as the topic now has them, by `exchange:SYMBOL`.

    A record that is no settings is logged and passed over. Raises what `CompactedTopics` raises.
    """
    settings: dict[str, Settings] = _read(config, SETTINGS)[Settings]
    return settings


def read_watches(config: Config) -> dict[str, Watch]:
    """Return what is to be told of every instrument of which a user decided it; raise what `read_all` raises."""
    watches: dict[str, Watch] = _read(config, WATCHES)[Watch]
    return watches


def read_snoozes(config: Config) -> dict[str, Snooze]:
    """Return until when nobody is told of what, by the key of the record; raise what `read_all` raises."""
    return _read(config, SNOOZES)[Snooze]


def read_instruments(config: Config) -> dict[str, Instrument]:
    """Return what the exchange says of every instrument, by `exchange:SYMBOL`; raise what `read_all` raises."""
    return _read(config, INSTRUMENTS)[Instrument]


def read_setups(config: Config) -> dict[str, Setup]:
    """Return every instrument with its settings, the default ones where nobody has set any, by `exchange:SYMBOL`.

    Raises what `read_all` raises.
    """
    found = _read(config, INSTRUMENTS, SETTINGS)
    settings = found[Settings]
    return {
        key: Setup(instrument, settings.get(key) or Settings(exchange=instrument.exchange, symbol=instrument.symbol))
        for key, instrument in found[Instrument].items()
    }


def change(config: Config, changes: Iterable[tuple[C, C]]) -> None:
    """Change settings, or watches, each given as it was known and as it is to be; return when the changes hold.

    A change takes nothing back that another command changed meanwhile, unless both change the same field: then the
    later one holds. Raises what `write` and `read_all` raise, and `StackError` where other commands never cease.
    """
    wanted = [after.changing(before) for before, after in changes]
    write(config, wanted)
    instruments = {(type(chosen), chosen.instrument) for chosen in wanted}
    topics = {TOPIC_OF[kind] for kind, _ in instruments}
    for _ in range(ROUNDS_MAX):
        incomplete = [each for each in _incomplete(config, topics) if (type(each), each.instrument) in instruments]
        if not incomplete:
            return
        write(config, [chosen.restated() for chosen in incomplete])
    raise StackError(f"settings of {len(incomplete)} instruments do not come to rest, {incomplete[0].instrument} first")


def write(config: Config, changed: Iterable[Instrument | Chosen | Snooze]) -> None:
    """Write all of `changed`, each under its instrument's key; return when the broker has every one.

    Nothing is sent when one of them is invalid: a `ValueError` names the field and the value. Raises `Unreachable` when
    the broker does not answer, `RegistryUnavailable` when the schema registry does not, and
    `producers.publisher.DeliveryError` when the broker did not acknowledge them all.
    """
    records = list(changed)
    codecs: dict[type, Codec[Any]] = {kind: make_codec(config, kind) for kind in {type(record) for record in records}}
    encoded = [(TOPIC_OF[type(record)], record.instrument, codecs[type(record)].encode(record)) for record in records]
    publisher = Publisher(config, delivery_timeout_s=WRITE_TIMEOUT_S)
    try:
        publisher.connect(CONNECT_TIMEOUT_S)
    except KafkaException as error:
        text = f"no Kafka broker answers at {config.bootstrap}: {error.args[0].str()}"
        raise Unreachable(text) from None
    for topic, instrument, value in encoded:
        publisher.publish(topic, instrument, value)
    publisher.flush()


async def follow(config: Config, kind: type[K], on_change: Callable[[K], None], stop: asyncio.Event) -> None:
    """Call `on_change` once for every instrument with records of this kind, then for every change, until `stop` is set.

    A record that is none is logged and passed over: the agent that reads each once makes it a dead letter. An outage is
    waited for. Raises what `CompactedTopics` raises when broker or registry cannot be reached at the start.
    """
    reader = await asyncio.to_thread(CompactedTopics, config, [TOPIC_OF[kind]], FOLLOW_WAIT_MS)
    try:
        present = await asyncio.to_thread(lambda: list(reader.present()))
        held: dict[str, K] = _newest(present)[kind]
        for record in list(held.values()):
            on_change(record)
        while not stop.is_set():
            for _, found in await asyncio.to_thread(reader.next, POLL_S):
                if isinstance(found, kind):
                    holds = held[found.instrument] = _upon(found, held.get(found.instrument))
                    on_change(holds)
    finally:
        await asyncio.to_thread(reader.__exit__)


def _read(config: Config, *topics: Topic) -> dict[type, dict[str, Any]]:
    with CompactedTopics(config, topics) as reader:
        return _newest(reader.present())


def _newest(found: Iterable[Found]) -> dict[type, dict[str, Any]]:
    """Return what holds of every instrument, by the kind of record."""
    newest: dict[type, dict[str, Any]] = {kind: {} for kind in TOPIC_OF}
    for _, record in found:
        if not isinstance(record, CodecError):
            of_kind = newest[type(record)]
            of_kind[record.instrument] = _upon(record, of_kind.get(record.instrument))
    return newest


def _upon(record: Any, known: Any) -> Any:
    """Return what holds once this record came after `known`: of what is not changed in parts, the record itself."""
    return record.upon(known) if isinstance(record, Chosen) else record


def _incomplete(config: Config, topics: Collection[Topic]) -> list[Chosen]:
    """Return what holds of those instruments whose last record does not say all of it."""
    with CompactedTopics(config, topics) as reader:
        found = list(reader.present())
    newest = _newest(found)
    last = {(type(record), record.instrument): record for _, record in found if isinstance(record, Chosen)}
    return [newest[kind][key] for (kind, key), record in last.items() if not record.says_all_of(newest[kind][key])]
