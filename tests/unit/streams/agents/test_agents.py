"""The declared agents: what they refuse, what they do when they break, what they skip, and the states they can read."""

from typing import Any

import pytest
from faust.types import TP
from msgspec.structs import replace

from schemas.journal_records import Applied, Checkpoint
from schemas.records import DeadLetter, ExecutionType, Fill, Keyed, Order, OrderStatus
from schemas.watches import Watch
from streams.agents import AGENTS, market
from streams.agents.agent import Agent
from streams.agents.exchange import EXCHANGE
from streams.agents.market import MARKET
from streams.agents.pairs import PAIRS
from streams.agents.trading import TRADING
from streams.market import apart, step
from streams.trading import book, strategy
from streams.trading.book import BookState
from streams.trading.checkpoints import state_of
from streams.trading.ruleset import TODAY
from tests.samples import INSTRUMENT, fill, instrument, order, settings, trade
from tests.unit.streams.agents.acting import NAMES, PARTITION, Acting
from tests.unit.streams.agents.test_pairs import BITSTAMP, COINBASE, quote
from tests.unit.streams.delivery.played import CODECS, KEY, Event, Table

WATCH = Watch(exchange="binance", symbol="XRPUSDT")


def broken(*_: object, **__: object) -> None:
    raise ValueError("a fault of ours")


# Each: the agent, what it took before, what breaks, and the input in the middle of which it breaks.
FAULTS: list[tuple[Agent[Any], list[Keyed], tuple[object, str], Keyed]] = [
    (TRADING, [instrument(), settings()], (strategy, "on_trade"), trade("100")),
    (TRADING, [instrument(), settings(), trade("100")], (strategy, "on_fill"), fill()),
    (TRADING, [instrument(), settings(), trade("100")], (strategy, "set_mode"), settings(chunks=2)),
    (TRADING, [instrument(), settings(), trade("100")], (strategy, "trim"), instrument(tick_size="0.1")),
    (EXCHANGE, [order()], (book, "_report_trade"), trade("98")),
    (EXCHANGE, [order()], (book, "Resting"), order(f"{INSTRUMENT}:2:B", version=3)),
    (EXCHANGE, [order()], (book, "apply_instrument"), instrument()),
    (EXCHANGE, [order()], (book, "settings_text"), settings()),
    (MARKET, [], (step, "judge"), trade("100")),
    (MARKET, [trade("100")], (market, "rules_of"), WATCH),
    (PAIRS, [quote(COINBASE, 0, 1)], (apart, "pass_gate"), quote(BITSTAMP, 0, 2)),
]


@pytest.mark.parametrize(("agent", "before", "fault", "record"), FAULTS)
async def test_a_fault_in_the_middle_of_applying_leaves_state_outbox_and_offsets_untouched(
    agent: Agent[Any], before: list[Keyed], fault: tuple[object, str], record: Keyed, monkeypatch: pytest.MonkeyPatch
) -> None:
    acting = Acting(agent)
    for taken in before:
        await acting.take(1, taken)
    await acting.keeper.drain()
    stored, sent, finished = dict(acting.table.data), acting.app.producer.log[:], acting.app.consumer.finished[:]
    with monkeypatch.context() as patch:
        patch.setattr(*fault, broken)
        with pytest.raises(ValueError, match="a fault of ours"):
            await acting.take(2, record)
    assert (acting.table.data, acting.app.producer.log, acting.app.consumer.finished) == (stored, sent, finished)
    await acting.take(3, record)  # under this generation nothing more is taken
    assert (acting.table.data, acting.app.producer.log, acting.app.consumer.finished) == (stored, sent, finished)
    again = acting.restarted()
    await again.take(2, record)
    await again.keeper.drain()
    assert again.table.data != stored


def test_every_agent_is_broken_in_each_of_its_inputs() -> None:
    for agent in AGENTS:
        broken_at = {NAMES[type(record)] for other, _, _, record in FAULTS if other is agent}
        assert broken_at == {topic.name for topic in agent.inputs}


def encoded(record: Keyed) -> bytes:
    """The bytes of a record, whatever it says."""
    data: bytes = CODECS[type(record)].write(record)
    return data


OTHER = b"binance:ETHUSDT"


@pytest.mark.parametrize(
    ("agent", "topic", "key", "value", "reason"),
    [
        (TRADING, "trades", KEY, b"x", "not the Confluent wire format"),
        (TRADING, "trades", None, encoded(trade("98")), "key: a trade without one"),
        (TRADING, "trades", OTHER, encoded(trade("98")), f"key: {OTHER!r} is not {INSTRUMENT}"),
        (TRADING, "trades", KEY, encoded(trade("98", instrument="binance:ETHUSDT")), f"key: {KEY!r} is not binance:E"),
        (TRADING, "fills", KEY, None, "tombstone"),
        (TRADING, "fills", OTHER, encoded(fill()), "has no leader"),
        (TRADING, "fills", None, encoded(fill()), "has no leader"),
        (TRADING, "fills", KEY, encoded(fill("binance:ETHUSDT:1:B")), "key: "),
        (TRADING, "fills", KEY, encoded(fill(f"{INSTRUMENT}:7:B")), "client_order_id: "),
        (TRADING, "fills", KEY, encoded(fill(cumulative_quantity="2", order_quantity="3")), "cumulative_quantity: "),
        (TRADING, "instruments", KEY, b"", "not the Confluent wire format"),
        (TRADING, "instruments", OTHER, encoded(instrument()), "key: "),
        (TRADING, "settings", KEY, b"", "not the Confluent wire format"),
        (TRADING, "settings", OTHER, encoded(settings()), "key: "),
        (EXCHANGE, "orders", KEY, b"\x00\x00\x00\x00\x05", "no valid Order"),
        (TRADING, "settings", b"binance:A:B", encoded(replace(settings(), symbol="A:B")), "symbol: 'A:B'"),
        (TRADING, "instruments", b"binance:", encoded(replace(instrument(), symbol="")), "symbol: ''"),
        (EXCHANGE, "orders", OTHER, encoded(order()), "key: "),
        (MARKET, "watches", KEY, b"", "not the Confluent wire format"),
        (MARKET, "watches", OTHER, encoded(WATCH), "key: "),
        (EXCHANGE, "orders", b"binance:A:B", encoded(replace(order(), symbol="A:B")), "symbol: 'A:B'"),
        (EXCHANGE, "orders", KEY, encoded(replace(order(version=3), price=0)), "price: 0 "),
    ],
)
async def test_what_is_refused_is_one_dead_letter_and_changes_nothing(
    agent: Agent[Any], topic: str, key: bytes | None, value: bytes | None, reason: str
) -> None:
    acting = Acting(agent)
    before = {TRADING.name: [instrument(), settings(), trade("100")], EXCHANGE.name: [order()], MARKET.name: [WATCH]}
    for record in before[agent.name]:
        await acting.take(1, record)
    await acting.keeper.drain()
    stored = dict(acting.table.data)
    await acting.take_raw(topic, Event(8, key, value))  # type: ignore[arg-type]
    await acting.keeper.drain()
    assert acting.table.data == stored
    ((offset, error),) = acting.letters()
    assert offset == 8
    assert reason in error
    assert len(acting.app.consumer.finished) == len(before[agent.name]) + 1


async def test_one_bad_trade_is_one_letter_however_bad_and_however_often_it_is_read() -> None:
    acting = Acting(TRADING)
    for record in (instrument(), settings()):
        await acting.take(1, record)
    bad = [Event(8, None, b"x"), Event(9, KEY, b"x"), Event(10, KEY, encoded(trade("100")))]  # type: ignore[arg-type]
    await acting.take_raw("trades", *bad)
    assert sorted(offset for offset, _ in acting.letters()) == [8, 9]
    again = acting.restarted()
    await again.take_raw("trades", *bad)
    letters = {record.offset: record for record in again.sent() if isinstance(record, DeadLetter)}
    assert letters[9] in acting.sent()  # as it was stored: the leader is past it, and makes no other


async def test_what_is_no_trade_or_instrument_is_left_to_one_agent() -> None:
    acting = Acting(EXCHANGE)
    await acting.take_raw("trades", Event(1, KEY, b"x"), Event(2, None, encoded(trade("98"))))
    await acting.take_raw("trades", Event(3, KEY, encoded(trade("98", instrument="binance:ETHUSDT"))))
    await acting.take_raw("instruments", Event(1, KEY, b"x"), Event(2, OTHER, encoded(instrument())))
    await acting.take_raw("instruments", Event(3, b"binance:A:B", encoded(replace(instrument(), symbol="A:B"))))
    assert acting.sent() == []
    assert acting.table.data == {}


TAKEN: list[tuple[Agent[Any], list[tuple[int, Keyed]]]] = [
    (TRADING, [(3, instrument()), (4, settings()), (7, trade("100")), (8, trade("94", 2)), (2, fill())]),
    (EXCHANGE, [(5, order()), (9, trade("98")), (6, order(f"{INSTRUMENT}:2:B", version=3))]),
]


@pytest.mark.parametrize(("agent", "taken"), TAKEN)
async def test_what_was_applied_is_skipped_when_it_is_read_again(
    agent: Agent[Any], taken: list[tuple[int, Keyed]]
) -> None:
    acting = Acting(agent)
    for offset, record in taken:
        await acting.take(offset, record)
    again = acting.restarted()
    for offset, record in reversed(taken):
        await again.take(offset, record)
    stored = [sent for sent in again.app.producer.log if sent.topic == again.table.changelog_topic_name]
    assert stored == []
    assert all(record in acting.sent() for record in again.sent())  # what was stored to be sent comes again, the same


async def test_trades_that_were_no_event_are_behind_a_leader_too() -> None:
    """A fill is stored after them: read again, they come before it and decide nothing."""
    acting = Acting(TRADING)
    await acting.take(3, instrument())
    await acting.take(4, settings())
    await acting.take(7, trade("100"))
    await acting.take(8, trade("99.5", 2), trade("99.4", 3))
    await acting.take(2, fill())
    after = acting.restarted()
    await after.take(8, trade("94", 2), trade("94", 3))  # below the level of the rebuy, and both of them past already
    assert [record for record in after.sent() if record not in acting.sent()] == []


@pytest.mark.parametrize("known_by", ["handled", "committed", "stored"])
async def test_a_leader_says_how_far_the_trades_were_looked_through(known_by: str) -> None:
    acting = Acting(TRADING)
    await acting.take(3, instrument())
    await acting.take(4, settings())
    await acting.take(7, trade("100"))
    if known_by == "handled":
        await acting.take(8, trade("99.5", 2))
    elif known_by == "committed":
        acting.app.consumer._committed_offset[TP("trades", PARTITION)] = 9
    else:
        await acting.take(8, trade("94", 2))
        acting = acting.restarted()
    await acting.take(2, fill())
    records = [record for record in acting.sent() if isinstance(record, Order | Applied)]
    filled = [record for record in records if isinstance(record, Applied) or record.status is OrderStatus.FILLED]
    assert {record.trades_offset for record in filled[-2:]} == {8}


async def test_a_new_leader_trades_from_where_its_partition_is() -> None:
    acting = Acting(TRADING)
    acting.app.consumer._committed_offset[TP("trades", PARTITION)] = 10
    await acting.take(3, instrument())
    await acting.take(4, settings())
    entries = acting.sent()
    assert [entry.trades_offset for entry in entries if isinstance(entry, Applied)] == [9, 9]
    await acting.take(8, trade("100", 1), trade("100", 2))
    assert acting.sent() == entries
    await acting.take(10, trade("100", 3))
    assert len(acting.sent()) == 3


FIRST_LAYOUTS: list[tuple[Agent[Any], bytes, dict[str, int], int]] = [
    (
        TRADING,
        b'{"state":{"exchange":"binance","symbol":"XRPUSDT","settings":{"exchange":"binance","symbol":"XRPUSDT",'
        b'"base_asset":"XRP","quote_asset":"USDT","exchange_status":"TRADING","tick_size":1000000,"min_price":0,'
        b'"max_price":0,"step_size":10000000,"min_quantity":0,"max_quantity":9999999999999999999999999999,'
        b'"min_notional":0,"streaming":false,"status":"on","chunks":3,"budget":30000000000,'
        b'"buy_down_interval":1000000,"profit_interval":2000000,"rebuy_interval":5000000,"fee":0,"updated_time":0},'
        b'"leader":[[1,2,3],[2,1,0],[0,2,0],[0,10098000000,0],[0,100000000,0],[0,0,0],[0,2,0]],'
        b'"orders":{"1":{"exchange":"binance","symbol":"XRPUSDT","client_order_id":"binance:XRPUSDT:1:S","version":5,'
        b'"trader":1,"side":"SELL","time_in_force":"GTC","status":"NEW","price":10098000000,"quantity":100000000,'
        b'"executed_quantity":0,"cancel_requested":false,"reason":null,"cause_topic":"fills","input_partition":3,'
        b'"trades_offset":8,"fills_offset":2,"settings_offset":4,"created_time":5,"updated_time":5}},"closing":{},'
        b'"version":5,"time":5,"partition":3,"trades_offset":8,"fills_offset":2,"settings_offset":4,"changed":false,'
        b'"outbox":[]},"outbox":[["fills","AGFiYw=="]]}',
        {"fills": 2, "settings": 4},
        1,
    ),
    (
        EXCHANGE,
        b'{"state":{"exchange":"binance","symbol":"XRPUSDT","orders":[{"client_order_id":"binance:XRPUSDT:1:B",'
        b'"side":"BUY","price":9900000000,"quantity":100000000,"executed_quantity":0,"reports":0}],"version":2,'
        b'"trades_offset":9,"orders_offset":5,"changed":false,"outbox":[]},"outbox":[]}',
        {"orders": 5},
        0,
    ),
]
"""A leader and a book as the version before the numbers of layouts stored them."""


@pytest.mark.parametrize(("agent", "stored", "offsets", "unsent"), FIRST_LAYOUTS)
async def test_states_of_the_first_layout_are_read(
    agent: Agent[Any], stored: bytes, offsets: dict[str, int], unsent: int
) -> None:
    table = Table()
    table.data[KEY] = stored
    acting = Acting(agent, table)
    for topic, offset in offsets.items():
        await acting.take_raw(topic, Event(offset, KEY, b"skipped, since it is applied"))
    assert [(s.topic, s.key, s.value) for s in acting.app.producer.log] == [("fills", KEY, b"\x00abc")] * unsent


async def test_a_leader_of_the_first_layout_goes_on() -> None:
    table = Table()
    table.data[KEY] = FIRST_LAYOUTS[0][1].replace(b'[["fills","AGFiYw=="]]', b"[]")
    acting = Acting(TRADING, table)
    await acting.take(8, trade("90"))  # applied before
    await acting.take(3, fill(f"{INSTRUMENT}:1:S", price="100.98"))
    rules, journal, filled = acting.sent()
    assert isinstance(rules, Applied)
    assert isinstance(journal, Applied)
    assert isinstance(filled, Order)
    assert (rules.ruleset, journal.ruleset) == (TODAY, None)
    assert (filled.status, filled.version, filled.trades_offset) == (OrderStatus.FILLED, 8, 8)
    state = acting.state(KEY)
    assert state.ruleset == TODAY
    assert (state.instrument, state.settings) == (instrument(), settings())


@pytest.mark.parametrize("agent", [TRADING, EXCHANGE], ids=lambda agent: agent.name)
async def test_a_trade_that_comes_twice_or_late_changes_nothing(agent: Agent[Any]) -> None:
    """Each of these prices fills, or starts one more trader, if it is taken for the market's."""
    acting = Acting(agent)
    given = [instrument(), settings()] if agent is TRADING else [order(), order(f"{INSTRUMENT}:2:B", version=3)]
    for record in given:
        await acting.take(1, record)
    await acting.take(5, trade("100", 5), trade("99.5", 6), trade("98.9", 7))
    if agent is EXCHANGE:
        await acting.take(3, order(f"{INSTRUMENT}:3:B", version=4))
    stored, sent = dict(acting.table.data), acting.sent()
    await acting.take(8, *(trade("50", number) for number in ((3, 4, 5) if agent is TRADING else (5, 6, 7))))
    assert (acting.table.data, acting.sent()) == (stored, sent)
    again = acting.restarted()
    await again.take(11, trade("50", 5))
    assert again.table.data == stored
    await again.take(12, trade("50", 8))
    assert again.table.data != stored


async def test_the_exchange_reports_a_fill_once() -> None:
    acting = Acting(EXCHANGE)
    await acting.take(5, order())
    await acting.take(9, trade("98", 1), trade("97", 2))
    order_taken, terms_taken, report = acting.sent()
    assert isinstance(order_taken, Applied)
    assert isinstance(terms_taken, Applied)
    assert isinstance(report, Fill)
    assert report.execution_type is ExecutionType.TRADE
    assert [record.version for record in (order_taken, terms_taken, report)] == [1, 2, 3]
    # nobody has read a trade before the order; before the terms they have been read up to the trade that is filled
    assert [(e.input_topic, e.input_offset, e.trades_offset) for e in (order_taken, terms_taken)] == [
        ("orders", 5, -1),
        ("terms", -1, 8),
    ]


async def test_a_book_notes_up_to_which_trade_it_had_looked() -> None:
    """Trades that reach no order move its position all the same."""
    acting = Acting(EXCHANGE)
    await acting.take(5, order())
    await acting.take(9, trade("100", 1), trade("101", 2))
    await acting.take(6, order(f"{INSTRUMENT}:2:B", version=3))
    entries = [record for record in acting.sent() if isinstance(record, Applied)]
    assert [(entry.input_offset, entry.trades_offset) for entry in entries] == [(5, -1), (6, 10)]


async def test_a_book_from_before_there_were_journals_begins_with_what_it_is() -> None:
    table = Table()
    table.data[KEY] = FIRST_LAYOUTS[1][1]
    acting = Acting(EXCHANGE, table)
    await acting.take(9, trade("90", 1))  # applied before
    await acting.take(10, trade("98", 2))
    began, *_, report = acting.sent()
    assert isinstance(began, Checkpoint)
    assert (began.agent, began.version, began.trades_offset) == ("exchange", 0, 9)
    state = state_of(began, BookState)
    assert state is not None
    assert [resting.client_order_id for resting in state.orders] == [f"{INSTRUMENT}:1:B"]
    assert isinstance(report, Fill)
    assert report.version == 2
    await acting.take(11, trade("97", 3))
    assert len(acting.sent()) == 3
