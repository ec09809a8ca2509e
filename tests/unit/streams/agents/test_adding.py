"""Adding an agent takes one file and one line in `AGENTS`: `tests.faults.counting` is such a file."""

from infra.config import Config
from schemas.journal_records import Applied
from streams.agents import AGENTS
from streams.worker import make_app
from tests.faults.counting import COUNTING, EVERY, Count
from tests.samples import trade
from tests.unit.streams.agents.acting import Acting
from tests.unit.streams.delivery.played import KEY


def test_the_worker_runs_whatever_is_declared() -> None:
    config = Config(topic_prefix="unit-adding-")
    app = make_app(config, (*AGENTS, COUNTING))
    assert app.group == "unit-adding-hedgehog:counting,exchange,market,pairs,trading"
    assert {agent.name for agent in (*AGENTS, COUNTING)} <= set(app.agents)
    assert app.tables["counts"].changelog_topic_name == COUNTING.changelog.full_name(config)


async def test_it_counts_and_sends() -> None:
    acting = Acting(COUNTING)
    for offset in range(0, 2 * EVERY, 10):
        await acting.take(offset, *(trade("100", offset + i) for i in range(10)))
    assert acting.sent() == []
    await acting.keeper.drain()
    await acting.take(5, *(trade("100", 5 + i) for i in range(10)))
    await acting.keeper.drain()
    ids = sum(range(2 * EVERY))
    assert acting.state(KEY) == Count(exchange="binance", symbol="XRPUSDT", trades=2 * EVERY, ids=ids)
    records = acting.sent()
    assert [record.version for record in records if isinstance(record, Applied)] == [EVERY, 2 * EVERY]
