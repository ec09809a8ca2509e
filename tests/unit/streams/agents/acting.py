"""An agent at work: its declared steps under a real keeper, over a played broker."""

from collections.abc import Mapping
from typing import Any

from faust.types import TP

from infra.config import Config
from schemas.records import DeadLetter, Keyed, Record
from schemas.topics import TOPICS
from streams.agents.agent import Agent, Environment
from streams.agents.checkpoints import PACE, Pace
from streams.delivery.batches import Batch
from streams.delivery.incarnations import Incarnations
from streams.delivery.keeper import Keeper
from streams.delivery.messages import Producer
from tests.unit.streams.delivery.played import CHANGELOG, CODECS, App, Event, Table

PARTITION = 3
CONFIG = Config(topic_prefix="")
NAMES = {topic.record: topic.name for topic in TOPICS.values() if topic.record}
KEYS = {topic.record: topic.key for topic in TOPICS.values() if topic.record}


class Acting:
    """One worker with one agent; `table` is what is stored of its states when it starts.

    `topic_ids` are those of the broker; without them nothing is known of incarnations.
    """

    def __init__(
        self, agent: Agent[Any], table: Table | None = None, topic_ids: Mapping[str, str] = {}, pace: Pace = PACE
    ) -> None:
        self.agent = agent
        self.pace = pace
        self.app = App()
        self.table = table or Table()
        self.topic_ids = dict(topic_ids)
        environment = Environment(CONFIG, CODECS, self.topic_ids, pace)
        self.steps = {topic.name: step for topic, step in agent.make_steps(environment).items()}
        names = {topic.name: topic.name for topic in agent.topics}
        self.keeper: Keeper[Any] = Keeper(
            self.app,
            agent.name,
            self.table,
            agent.state_codec(),
            Producer(self.app, CONFIG, CODECS),
            {topic.name: topic.name for topic in agent.inputs},
            agent.storing,
            self._fail,
            Incarnations(agent.name, names, self.topic_ids, agent.begin_anew),
        )

    async def _fail(self, error: BaseException) -> None:
        raise error

    def restarted(self, **anew: str) -> "Acting":
        """The next worker, with the table that the changelog gives; some topics may have other ids by then."""
        return Acting(self.agent, Table().recovered(self.app.producer), self.topic_ids | anew, self.pace)

    async def take(self, offset: int, *records: Keyed) -> None:
        """Records arrive, one batch of one topic, in consecutive offsets from this one."""
        events = [
            Event(offset + i, KEYS[type(record)](record).encode(), CODECS[type(record)].encode(record))
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
