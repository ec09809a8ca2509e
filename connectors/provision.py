"""What a running stack needs before it is of use: topics, schemas, tables, connectors. Each step may be done again."""

from collections.abc import Callable
from importlib import import_module

from infra.config import Config
from infra.errors import StackError

STEPS = (
    ("topics", "schemas.broker", "create_topics"),
    ("schemas", "schemas.registry", "register_all"),
    ("tables", "schemas.sql.migrate", "upgrade"),
    ("connectors", "connectors.apply", "apply_all"),
)


def provision(config: Config, say: Callable[[str], None]) -> None:
    """Create topics, register schemas, migrate tables, apply connectors; harmless when all is there already.

    Raises `StackError` that names the step which failed.
    """
    for what, module_name, function in STEPS:
        try:
            module = import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
                raise
            say(f"{what:9} skipped: {module_name} does not exist yet")
            continue
        try:
            getattr(module, function)(config)
        except StackError:
            raise
        except Exception as error:
            raise StackError(f"{what}: {type(error).__name__}: {error}") from error
        say(f"{what:9} ready")
