"""What a running stack needs before it is of use: topics, schemas, tables, connectors. Each step may be done again."""

from collections.abc import Callable

from connectors.apply import apply_all
from connectors.letters import Letters
from connectors.warehouse import claim
from infra.config import Config
from infra.errors import StackError
from schemas.broker import configure_topics, create_topics
from schemas.registry_copy import register_beside_copy
from schemas.sql.migrate import upgrade
from schemas.upgrade import upgrade_topics


def _look_at_letters(config: Config) -> None:
    with Letters(config) as letters:
        letters.look()


STEPS: tuple[tuple[str, Callable[[Config], object]], ...] = (
    ("topics", create_topics),
    ("configs", configure_topics),
    ("schemas", register_beside_copy),
    ("tables", upgrade),
    ("records", upgrade_topics),
    ("sources", claim),
    ("connectors", apply_all),
    ("letters", _look_at_letters),
)


def provision(config: Config, say: Callable[[str], None]) -> None:
    """Create and configure topics, register schemas, migrate tables, upgrade records, hold the tables against the
    topics, apply connectors, have them read again what they buried for want of a schema.

    Harmless when all is done. Raises `StackError` that names the step which failed.
    """
    for what, step in STEPS:
        try:
            step(config)
        except StackError:
            raise
        except Exception as error:
            raise StackError(f"{what}: {type(error).__name__}: {error}") from error
        say(f"{what:9} ready")
