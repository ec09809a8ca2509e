"""What the agents do where topics were deleted and made anew: orders are named after them, offsets begin anew."""

from schemas.journal_records import Applied
from schemas.order_ids import client_order_id
from schemas.records import Fill, Order, OrderStatus
from schemas.topics import LEADERS
from streams.agents.exchange import EXCHANGE
from streams.agents.trading import TRADING
from tests.samples import INSTRUMENT, fill, instrument, order, settings, trade
from tests.unit.streams.agents.acting import Acting
from tests.unit.streams.agents.test_agents import FIRST_LAYOUTS
from tests.unit.streams.delivery.played import KEY, Table

IDS = {name: f"id of {name}" for name in ("trades", "orders", "fills", "instruments", "settings", LEADERS.name)}


async def test_orders_are_named_by_the_incarnation_of_their_topics() -> None:
    names = []
    for anew in ({}, {"orders": "another"}, {LEADERS.name: "another"}, {"trades": "another"}):
        acting = Acting(TRADING, topic_ids=IDS | anew)
        await acting.take(3, instrument())
        await acting.take(4, settings())
        await acting.take(8, trade("100"))
        (named, *_), (placed,) = (
            [record for record in acting.sent() if isinstance(record, kind)] for kind in (Applied, Order)
        )
        assert (named.version, named.input_topic, named.input_offset) == (1, "orders", -1)
        assert named.incarnation == acting.state(KEY).incarnation
        assert placed.client_order_id == client_order_id(named.incarnation or "", INSTRUMENT, 1, "B")
        names.append(placed.client_order_id)
    assert len({*names}) == 3
    assert names[0] == names[3], "what is read does not name what is made"


async def test_a_leader_keeps_its_incarnation_and_counts_on() -> None:
    acting = Acting(TRADING, topic_ids=IDS)
    await acting.take(3, instrument())
    await acting.take(4, settings())
    incarnation = acting.state(KEY).incarnation
    later = acting.restarted(orders="another")
    await later.take(8, trade("100"))
    (placed,) = (record for record in later.sent() if isinstance(record, Order))
    assert placed.client_order_id == client_order_id(incarnation, INSTRUMENT, 1, "B")


async def test_a_leader_of_before_there_were_ids_completes_its_orders_and_names_new_ones_anew() -> None:
    table = Table()
    table.data[KEY] = FIRST_LAYOUTS[0][1].replace(b'[["fills","AGFiYw=="]]', b"[]")
    acting = Acting(TRADING, table, IDS)
    await acting.take(3, fill(f"{INSTRUMENT}:1:S", price="100.98"))
    rules, named, journal, filled = acting.sent()
    assert isinstance(rules, Applied)
    assert isinstance(named, Applied)
    assert isinstance(journal, Applied)
    assert isinstance(filled, Order)
    assert (rules.version, named.version, journal.version, filled.version) == (6, 7, 8, 9)
    assert (filled.client_order_id, filled.status) == (f"{INSTRUMENT}:1:S", OrderStatus.FILLED)
    await acting.take(9, trade("90"))
    new = [record for record in acting.sent() if isinstance(record, Order)][1:]
    expected = [client_order_id(named.incarnation or "", INSTRUMENT, number, "B") for number in (2, 3)]
    assert [order.client_order_id for order in new] == expected


async def test_trades_of_a_topic_made_anew_fill_orders_of_before_and_the_leader_says_so() -> None:
    leading, trading = Acting(TRADING, topic_ids=IDS), Acting(EXCHANGE, topic_ids=IDS)
    await leading.take(3, instrument())
    await leading.take(4, settings())
    await leading.take(500, trade("100"))
    (placed,) = (record for record in leading.sent() if isinstance(record, Order))
    await trading.take(0, placed)
    await trading.take(500, trade("100"))
    leading, trading = leading.restarted(trades="another"), trading.restarted(trades="another")
    await trading.take(0, trade("98", trade_id=2))
    (filled,) = (record for record in trading.sent() if isinstance(record, Fill))
    await leading.take(0, trade("100", trade_id=2), trade("93", trade_id=3))
    await leading.take(0, filled)
    again, anew, *rest = leading.sent()
    assert again == placed, "it may not have been sent"
    assert isinstance(anew, Applied)
    assert (anew.input_topic, anew.input_offset, anew.topic_id, anew.trades_offset) == ("trades", -1, "another", -1)
    offsets = [record.trades_offset for record in rest if isinstance(record, Order | Applied)]
    assert offsets
    assert set(offsets) == {1}
    assert [record.status for record in rest if isinstance(record, Order)] == [OrderStatus.FILLED, OrderStatus.NEW]


async def test_orders_of_a_topic_made_anew_are_taken_though_their_versions_begin_anew() -> None:
    old, new = (client_order_id(incarnation, INSTRUMENT, 2, "B") for incarnation in ("aaaaaa", "bbbbbb"))
    acting = Acting(EXCHANGE, topic_ids=IDS)
    await acting.take(7, order(old, version=2, epoch=5))
    later = acting.restarted(orders="another")
    await later.take(0, order(new, version=2, epoch=1))
    assert [resting.client_order_id for resting in later.state(KEY).orders] == [old, new]


async def test_orders_that_are_sent_again_into_a_topic_made_anew_count_once() -> None:
    """The leader goes on, and does not know what of its last decisions has arrived."""
    first, second = (client_order_id("aaaaaa", INSTRUMENT, number, "B") for number in (1, 2))
    acting = Acting(EXCHANGE, topic_ids=IDS)
    await acting.take(7, order(first, version=90, epoch=5))
    later = acting.restarted(orders="another")
    await later.take(0, order(first, version=90, epoch=5), order(second, version=91, epoch=6))
    assert [resting.client_order_id for resting in later.state(KEY).orders] == [first, second]


async def test_fills_of_a_topic_made_anew_are_taken_though_their_epochs_begin_anew() -> None:
    acting = Acting(TRADING, topic_ids=IDS)
    await acting.take(3, instrument())
    await acting.take(4, settings())
    await acting.take(8, trade("100"))
    (placed,) = (record for record in acting.sent() if isinstance(record, Order))
    await acting.take(9, fill(placed.client_order_id, epoch=7, quantity="0.1", cumulative_quantity="0.1"))
    later = acting.restarted(fills="another")
    await later.take(
        0,
        fill(
            placed.client_order_id,
            epoch=1,
            order_quantity=placed.quantity,
            quantity=placed.quantity,
            cumulative_quantity=placed.quantity,
        ),
    )
    statuses = [record.status for record in later.sent() if isinstance(record, Order)]
    assert statuses[:2] == [OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED], "the first was stored to be sent"
    assert later.state(KEY).fills_offset == 0
