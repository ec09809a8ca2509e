"""The worker without its mock exchange, for comparison: `faust -A tests.bench.trading_only worker`.

With two agents in a loop the interleaving, and with it the number of orders, depends on how fast each is. The
trading agent alone makes the same orders of the same trades, whoever delivers them.
"""

from infra.config import load_config
from streams.agents.trading import TRADING
from streams.worker import make_app

app = make_app(load_config(), (TRADING,))
