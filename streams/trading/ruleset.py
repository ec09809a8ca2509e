"""What the rules of the strategy were: a leader of before goes on by those of today from a noted place on.

A journal says where that is, so a replay decides by the rules of then. 1: a refused SELL stands still for good; a
trader starts whatever others have taken of the budget; fills are not added up.
"""

import msgspec

from schemas.parameters import LIMITS
from schemas.records import Settings
from streams.trading.account import Account, Lot
from streams.trading.matching import BUYING, SELLING
from streams.trading.rules import Rules
from streams.trading.strategy import COUNT, SELL_REFUSED, Leader

OLDEST, TODAY = 1, 2
LATER = (*LIMITS, "halted")
"""The fields of settings that journals of before do not have."""
UNBOUNDED_BUDGET = 10**60
"""Above whatever can be taken."""


def of_then(rules: Rules, ruleset: int) -> Rules:
    """Return the numbers by which a leader decides that goes by a set of rules."""
    return rules if ruleset == TODAY else rules._replace(budget=UNBOUNDED_BUDGET)


def settings_text(settings: Settings) -> str:
    """Return settings as a journal has them, in JSON: what was not known then is left out where it changes nothing."""
    fields = msgspec.to_builtins(settings)
    return msgspec.json.encode({name: value for name, value in fields.items() if value or name not in LATER}).decode()


def note_bought(leader: Leader, rules: Rules) -> None:
    """Fill in at what its traders have bought, which leaders of before did not note.

    Of who sells it is the lowest price on a tick whose SELL is not below the one that is placed.
    """
    count = leader.head[COUNT]
    for column in leader[1:]:
        column[count:] = [0] * (len(column) - count)
    for i in range(count):
        limit = leader.price[i]
        if leader.stage[i] in (SELLING, SELL_REFUSED):
            leader.bought[i] = -(-limit * rules.sell_den // (rules.sell_num * rules.tick)) * rules.tick
        else:
            leader.bought[i] = limit if leader.stage[i] == BUYING else 0


def account_of(leader: Leader, executed: dict[int, int], since: int) -> Account:
    """Return the account of a leader of before, which says nothing of fees; `executed` of its traders' open orders."""
    account = Account(since=since)
    for i in range(leader.head[COUNT]):
        number, done = leader.number[i], executed.get(leader.number[i], 0)
        selling = leader.stage[i] in (SELLING, SELL_REFUSED)
        quantity = leader.quantity[i] - done if selling else done
        if quantity and leader.bought[i]:
            account.lots[number] = Lot(quantity, leader.bought[i] * quantity)
    return account
