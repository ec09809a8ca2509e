"""The gate of an alert, as tables: prices against a reference of 100 with a threshold of 10 %, cooldown 60."""

import msgspec
import pytest

from schemas.units import ONE
from streams.market.gates import READY, SHUT, WAITING, Gate, Side, calm_prices, pass_gate

COOLDOWN = 60
UP, DOWN = Side(1, 200, 2, ONE // 10), Side(-1, 200, 2, ONE // 10)

# Each table: TIME PRICE | told, with how many were held back | stage after it, and how many are held back since.
TABLES = {
    "exactly at the threshold is not beyond it": """
        0 110 |        | READY 0
        0 111 | told 0 | SHUT 0
    """,
    "told once, and again when it is ready again and the cooldown is over": """
        0   111 | told 0 | SHUT 0
        1   115 |        | SHUT 0
        2   105 |        | SHUT 0
        3   104 |        | READY 0
        60  111 | told 0 | SHUT 0
    """,
    "what comes within the cooldown is counted once for each time that the gate was ready": """
        0   111 | told 0 | SHUT 0
        1   100 |        | READY 0
        2   111 |        | WAITING 1
        3   112 |        | WAITING 1
        4   108 |        | WAITING 1
        5   112 |        | WAITING 1
        6   100 |        | READY 1
        7   200 |        | WAITING 2
        8   100 |        | READY 2
        59  110 |        | READY 2
        60  111 | told 2 | SHUT 0
    """,
    "a price that stays off is told when the cooldown is over, and not counted as held back": """
        0   111 | told 0 | SHUT 0
        1   100 |        | READY 0
        2   111 |        | WAITING 1
        3   100 |        | READY 1
        4   111 |        | WAITING 2
        59  111 |        | WAITING 2
        60  111 | told 1 | SHUT 0
    """,
}
FURTHER_UP = """
        0   120 | told 0 | SHUT 0
        59  130 |        | SHUT 0
        60  126 |        | SHUT 0
        61  127 | told 0 | SHUT 0
        121 133 |        | SHUT 0
        122 134 | told 0 | SHUT 0
"""
FURTHER_DOWN = """
        0   80  | told 0 | SHUT 0
        59  60  |        | SHUT 0
        60  76  |        | SHUT 0
        61  75  | told 0 | SHUT 0
        121 72  |        | SHUT 0
        122 71  | told 0 | SHUT 0
"""


def play(table: str, side: Side, mirror: bool) -> None:
    gate = Gate()
    for row in filter(None, map(str.strip, table.splitlines())):
        event, told, after = (cell.strip() for cell in row.split("|"))
        time, price = map(int, event.split())
        held_back = pass_gate(gate, side, COOLDOWN, 200 - price if mirror else price, time)
        assert ("" if held_back is None else f"told {held_back}") == told, row
        assert f"{['READY', 'WAITING', 'SHUT'][gate.stage]} {gate.held_back}" == after, row


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_prices_above_pass_a_gate(table: str) -> None:
    play(table, UP, mirror=False)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_prices_below_pass_as_those_above(table: str) -> None:
    play(table, DOWN, mirror=True)


def test_prices_pass_again_a_further_half_threshold_past_the_one_told() -> None:
    play(FURTHER_UP, UP, mirror=False)
    play(FURTHER_DOWN, DOWN, mirror=False)


@pytest.mark.parametrize("until", [119, 120, 121, 10_000])
@pytest.mark.parametrize("sign", [1, -1], ids=["up", "down"])
@pytest.mark.parametrize("threshold", [1, ONE // 50, ONE // 10, ONE - 1])
@pytest.mark.parametrize("size", [1, 2, 3, 300])
@pytest.mark.parametrize("stage", [READY, WAITING, SHUT])
def test_calm_prices_change_nothing(size: int, stage: int, threshold: int, sign: int, until: int) -> None:
    others = 100 * (size - 1)
    told = Gate(stage, 60, 100 + sign)
    low, high = calm_prices(told, sign, others, size, threshold, COOLDOWN, until)
    for price in range(1, 300):
        gate = msgspec.structs.replace(told)
        pass_gate(gate, Side(sign, others + price, size, threshold), COOLDOWN, price, until - 1)
        if low <= price <= high:
            assert gate == told, price
        elif stage == READY:
            assert gate != told, price
