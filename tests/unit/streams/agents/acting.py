"""An agent at work: its declared steps under a real keeper, over a played broker."""

from typing import Any

from faust.types import TP

from infra.config import Config
from schemas.records import DeadLetter, Keyed, Record
from schemas.topics import TOPICS
from streams.agents.agent import Agent, Environment
from streams.delivery.batches import Batch
from streams.delivery.keeper import Keeper
from streams.delivery.messages import Producer
from tests.unit.streams.delivery.played import CHANGELOG, CODECS, App, Event, Table

PARTITION = 3
CONFIG = Config(topic_prefix="")
NAMES = {topic.record: topic.name for topic in TOPICS.values() if topic.record}


class Acting:
    """One worker with one agent; `table` is what is stored of its states when it starts."""

    def __init__(self, agent: Agent[Any], table: Table | None = None) -> None:
        self.agent = agent
        self.app = App()
        self.table = table or Table()
        self.steps = {topic.name: step for topic, step in agent.make_steps(Environment(CONFIG, CODECS)).items()}
        self.keeper: Keeper[Any] = Keeper(
            self.app,
            agent.name,
            self.table,
            agent.state_codec(),
            Producer(self.app, CONFIG, CODECS),
            {topic.name: topic.name for topic in agent.inputs},
            agent.storing,
            self._fail,
        )

    async def _fail(self, error: BaseException) -> None:
        raise error

    def restarted(self) -> "Acting":
        """The next worker, with the table that the changelog gives."""
        return Acting(self.agent, Table().recovered(self.app.producer))

    async def take(self, offset: int, *records: Keyed) -> None:
        """Records arrive, one batch of one topic, in consecutive offsets from this one."""
        events = [
            Event(offset + i, record.instrument.encode(), CODECS[type(record)].encode(record))
            for i, record in enumerate(records)
        ]
        await self.take_raw(NAMES[type(records[0])], *events)

    async def take_raw(self, topic: str, *events: Event) -> None:
        """A batch of any bytes arrives."""
        batch = Batch(TP(topic, PARTITION), list(events), self.app.consumer_generation_id, 1)
        await self.keeper.apply(batch, self.steps[topic])

    def sent(self) -> list[Record]:
        """All records sent so far, in order; what is stored is left out."""
        kinds = {name: kind for kind, name in NAMES.items()}
        return [CODECS[kinds[s.topic]].decode(s.value) for s in self.app.producer.log if s.topic != CHANGELOG]

    def letters(self) -> list[tuple[int, str]]:
        """Offset and reason of every dead letter."""
        return [(record.offset, record.error) for record in self.sent() if isinstance(record, DeadLetter)]

    def state(self, key: bytes) -> Any:
        """The state as it is stored."""
        return self.agent.state_codec().decode(key, self.table.data[key]).state
