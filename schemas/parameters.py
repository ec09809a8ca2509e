"""The parameters of the strategy, one line each.

The options of the commands, the rows that are shown, the axes of a sweep and the messages about bounds are made from
this table. A new parameter is a line here, a field of `Settings`, and what `streams.trading.rules` makes of it.
"""

from dataclasses import dataclass
from enum import Enum

from schemas.units import AMOUNT_MAX, ONE, in_range, parse_plain, parse_whole, plain


class Unit(Enum):
    """What the stored integer counts."""

    TRADERS = "traders"
    ORDERS = "orders"
    QUOTE_ASSET = "quote asset, in 1e-8"
    FRACTION = "a fraction, in 1e-8"


@dataclass(frozen=True)
class Parameter:
    """One parameter: the field of `Settings` that holds it, and all that a user sees of it.

    `low` and `high` are the least and the largest value, in the unit in which it is stored.
    """

    field: str
    option: str
    unit: Unit
    low: int
    high: int
    meaning: str

    @property
    def help(self) -> str:
        """What the parameter means and its bounds, where it has other bounds than what the wire carries."""
        bounds = "" if self.high == AMOUNT_MAX else f" ({self.text(self.low)} to {self.text(self.high)})"
        return f"{self.meaning}{bounds}."

    @property
    def label(self) -> str:
        """What the parameter is called in a report."""
        return self.option.removeprefix("--").replace("-", " ")

    @property
    def scale(self) -> int:
        """How many stored units make 1 of what the user types."""
        return 1 if self.unit in (Unit.TRADERS, Unit.ORDERS) else ONE

    def parse(self, text: str, name: str) -> int:
        """The stored value of a typed text; a `ValueError` names `name` and the text."""
        return parse_whole(text, name) if self.scale == 1 else parse_plain(text, name)

    def text(self, value: int) -> str:
        """A stored value as a plain number."""
        return str(value) if self.scale == 1 else plain(value)

    def check(self, value: int) -> None:
        """Raise `Refused`, which names the field and the bounds, for a value outside of them."""
        in_range(self.field, value, self.low, self.high, self.scale)


PARAMETERS = (
    Parameter("chunks", "--chunks", Unit.TRADERS, 1, 1_000, "Most traders at a time"),
    Parameter(
        "budget", "--budget", Unit.QUOTE_ASSET, 1, AMOUNT_MAX, "Quote asset for all chunks together, such as 100"
    ),
    Parameter(
        *("buy_down_interval", "--buy-down", Unit.FRACTION, 1 - ONE, ONE - 1),
        "How far below the price to buy: 0.0025 is a quarter percent",
    ),
    Parameter(
        *("profit_interval", "--profit", Unit.FRACTION, 1 - ONE, ONE - 1),
        "Profit after fees at which to sell, as a fraction",
    ),
    Parameter(
        *("rebuy_interval", "--rebuy", Unit.FRACTION, 1 - ONE, ONE - 1),
        "Fall below a placed buy that starts one more trader, as a fraction",
    ),
    Parameter("fee", "--fee", Unit.FRACTION, 0, ONE - 1, "Commission of one order, as a fraction"),
    Parameter(
        *("notional_limit", "--notional-limit", Unit.QUOTE_ASSET, 0, AMOUNT_MAX),
        "No BUY that takes open BUYs and what is held above so much quote asset; 0 for any",
    ),
    Parameter("orders_limit", "--orders-limit", Unit.ORDERS, 0, 1_000, "No BUY beside so many open orders; 0 for any"),
    Parameter(
        *("minute_limit", "--minute-limit", Unit.ORDERS, 0, 1_000_000),
        "No BUY after so many orders in a minute of the trades' time; 0 for any",
    ),
    Parameter(
        *("loss_limit", "--loss-limit", Unit.QUOTE_ASSET, 0, AMOUNT_MAX),
        "No BUY on a day, UTC, that has lost more quote asset; 0 for any",
    ),
)
BY_FIELD = {parameter.field: parameter for parameter in PARAMETERS}
FIELDS = tuple(BY_FIELD)
LIMITS = ("notional_limit", "orders_limit", "minute_limit", "loss_limit")
"""What keeps a BUY from leaving; 0 keeps none."""
HELD = ("budget", "fee", *LIMITS)
"""What is the same for all settings of a sweep."""
SWEPT = tuple(field for field in FIELDS if field not in HELD)
"""What a sweep varies."""
