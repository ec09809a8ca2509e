"""What traders made: each report counts once, whoever tells it, and what is not known counts for nothing."""

from streams.web.model.profits import Executed, Half, Profits, curve, cycles, load, since, take_fill
from tests import samples
from tests.samples import units

BUY, SELL = f"{samples.INSTRUMENT}:1:B", f"{samples.INSTRUMENT}:1:S"


def fills(*rows: tuple[str, str, str, str, int]) -> Profits:
    """Reports of one trader: order, price, quantity, cumulative, time; the orders are of 2, the commission 0.1."""
    profits = Profits()
    for order, price, quantity, cumulative, time in rows:
        take_fill(profits, report(order, price, quantity, cumulative, time))
    return profits


def report(order: str, price: str, quantity: str, cumulative: str, time: int = 1) -> samples.Fill:
    return samples.fill(
        order,
        fill_id=f"{order}:{cumulative}",
        price=price,
        quantity=quantity,
        cumulative_quantity=cumulative,
        order_quantity="2",
        commission="0.1",
        transaction_time=time,
    )


def test_a_cycle_is_what_was_received_less_what_was_paid_and_both_commissions() -> None:
    profits = fills((BUY, "100", "2", "2", 1), (SELL, "103", "2", "2", 9))
    assert profits.profit == units("5.8")
    assert (profits.cycles, profits.unsold, profits.unknown) == (1, 0, 0)
    assert curve(profits) == [(9, units("5.8"))]


def test_of_a_trader_that_sold_a_part_the_same_part_of_its_buying_counts() -> None:
    profits = fills((BUY, "100", "2", "2", 1), (SELL, "103", "0.5", "0.5", 9))
    # 51.5 - 0.1 received, a quarter of 200.1 paid
    assert profits.profit == units("51.4") - units("200.1") // 4
    assert (profits.cycles, profits.unsold) == (0, units("1.5"))
    assert profits.cost == units("200.1") * 3 // 4


def test_a_report_that_comes_twice_counts_once() -> None:
    profits = fills((BUY, "100", "1", "1", 1), (BUY, "100", "1", "1", 1), (BUY, "100", "1", "2", 2))
    assert profits.unsold == units("2")
    take_fill(profits, report(BUY, "100", "1", "2"))
    assert profits.unsold == units("2")


def test_a_trader_of_whom_a_report_is_missing_counts_for_nothing() -> None:
    profits = fills((BUY, "100", "1", "2", 1), (SELL, "103", "2", "2", 9))
    assert (profits.profit, profits.unsold, profits.cycles, profits.unknown) == (0, 0, 0, 1)


def test_what_the_warehouse_summed_is_not_counted_again_by_the_topic() -> None:
    profits = Profits()
    bought = Half(units("2"), units("200") * 10**8, units("0.1"), units("2"), units("2"), units("100"), 1)
    load(profits, Executed(BUY, bought))
    take_fill(profits, report(BUY, "100", "1", "1"))
    take_fill(profits, report(BUY, "100", "1", "2"))
    cycle = take_fill(profits, report(SELL, "103", "2", "2", 7))
    assert cycle is not None
    assert (cycle.profit, cycle.trader, cycle.time) == (units("5.8"), 1, 7)
    assert list(cycles(profits, 7)) == [cycle]
    assert list(cycles(profits, 8)) == []


def test_today_is_what_changed_since_midnight() -> None:
    profits = fills((BUY, "100", "2", "2", 1), (SELL, "103", "1", "1", 5), (SELL, "103", "1", "2", 9))
    assert since(profits, 6) + since(profits, 0) - since(profits, 6) == profits.profit
    assert 0 < since(profits, 6) < profits.profit


def test_traders_of_another_incarnation_are_others() -> None:
    profits = Profits()
    for incarnation in ("aaaaaa", "bbbbbb"):
        take_fill(profits, report(f"{incarnation}-m2c7x5b4tqwd-1-B", "100", "2", "2"))
    assert profits.unsold == units("4")


def test_a_sell_that_follows_one_that_ended_belongs_to_the_same_cycle() -> None:
    again = f"{samples.INSTRUMENT}:1:S2"
    profits = fills((BUY, "100", "2", "2", 1), (SELL, "103", "0.5", "0.5", 5), (again, "104", "1.5", "1.5", 9))
    # 51.5 + 156 - 0.2 received, 200.1 paid
    assert (profits.profit, profits.cycles, profits.unsold) == (units("7.2"), 1, 0)
    assert next(cycles(profits, 9)).sold_at == units("104")


def test_a_part_that_was_not_heard_of_makes_the_rest_unknown() -> None:
    profits = fills((BUY, "100", "1", "2", 1), (SELL, "103", "1", "1", 9))
    assert (profits.profit, profits.unsold, profits.cycles, profits.unknown) == (0, 0, 0, 1)
