"""`python -m streams.demo`: watch the whole pipeline trade for a minute, then check what it did."""

import argparse
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from confluent_kafka import KafkaException
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from connectors.provision import provision
from infra.config import load_config
from infra.ending import OF_THE_USER, ended
from infra.errors import StackError
from infra.stack import Stack
from infra.supervisor import Supervisor, end_leftovers
from producers.recorded.errors import FileError
from streams.cli.errors import CliError
from streams.demo.commands import DemoFailed
from streams.demo.market import KEPT_S, MarketSession, recorded, simulated
from streams.demo.place import Place, find_place, move_in, one_at_a_time
from streams.demo.play import Demo
from streams.demo.screen import Screen

INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

FAILURES = (StackError, DemoFailed, FileError, CliError, KafkaException, SQLAlchemyError, TimeoutError)
"""What ends the demo with a line of text; everything else is a bug and ends it with a traceback."""

NEXT = """
What to type next:
  make infra-up                              a stack that stays, with data that stay
  .venv/bin/hedgehog --help                  settings, streaming, trading, orders, status, doctor
  make demo TRADES=FILE                      the same with a recorded day in place of the simulated market
  make demo KEEP=1                           the same until Ctrl-C, to look around in the dashboard
  make test                                  all tests
"""


def main() -> int:
    """Exit code 0 when every check passed, 1 when not, 2 for wrong arguments, 130 when interrupted."""
    options = _arguments()
    screen = Screen(Console())
    try:
        place = find_place()
        return _performed(options, place, screen)
    except OF_THE_USER as error:
        return ended(error)


def _performed(options: argparse.Namespace, place: Place, screen: Screen) -> int:
    """Play the market in a place; return the exit code."""
    _interrupt_on_signals()
    try:
        with one_at_a_time(place):
            seconds = KEPT_S if options.keep else options.seconds
            market = recorded(options.trades, seconds) if options.trades else simulated(seconds)
            passed = _perform(place, market, screen)
    except KeyboardInterrupt:
        screen.say("interrupted: everything is stopped")
        return 0 if options.keep else INTERRUPTED
    except FAILURES as error:
        screen.say(f"\nhedgehog: {error or type(error).__name__}\nAll logs: {place.logs}")
        return 1
    if not passed:
        screen.say(f"\nA check has failed. All logs: {place.logs}")
        return 1
    screen.say(f"\nAll checks passed; nothing is left running. Logs: {place.logs}\n{NEXT.rstrip()}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m streams.demo", description=__doc__)
    parser.add_argument("--trades", type=Path, metavar="FILE", help="a recorded day, in place of the simulated market")
    parser.add_argument("--seconds", type=int, default=60, help="how long the market is open (default 60)")
    parser.add_argument("--keep", action="store_true", help="leave the simulated market open until Ctrl-C")
    options = parser.parse_args()
    if options.seconds < 1:
        parser.error(f"--seconds: {options.seconds} is below 1")
    if options.keep and options.trades:
        parser.error("--keep: a recorded day has an end; only the simulated market stays open")
    return options


def _perform(place: Place, market: MarketSession, screen: Screen) -> bool:
    """Do everything between a clean folder and a stopped stack; return whether every check passed."""
    _clean_up(place)
    config = move_in(place)
    screen.step(f"the demo's own stack: ports {config.port_offset:+}, data in {place.home}")
    stack = Stack(config)
    supervisor = Supervisor(place.run, place.logs, screen.say)
    with _stopping(stack, supervisor, screen):
        stack.up(screen.say)
        provision(config, screen.say)
        return Demo(config, place, market, supervisor, screen).run()


def _clean_up(place: Place) -> None:
    """Stop what a killed demo may have left, and begin with an empty folder."""
    end_leftovers(place.run)
    stack = Stack(load_config().model_copy(update={"data_dir": place.home}))
    stack.down(lambda _: None)
    stack.clean()
    for path in place.home.iterdir():
        if path.is_dir():
            shutil.rmtree(path)


@contextmanager
def _stopping(stack: Stack, supervisor: Supervisor, screen: Screen) -> Iterator[None]:
    """Stop everything at the end of the block, however it ends; no second signal can prevent it."""
    try:
        yield
    finally:
        _ignore_signals()
        screen.step("stopping everything")
        supervisor.stop_all()
        stack.down(lambda _: None)


def _interrupt_on_signals() -> None:
    """Make the first of these signals end the demo as Ctrl-C does; those after it change nothing."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        _ignore_signals()
        raise KeyboardInterrupt

    for number in SIGNALS:
        signal.signal(number, interrupt)


def _ignore_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
