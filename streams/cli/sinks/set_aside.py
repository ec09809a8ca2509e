"""`hedgehog sinks set-aside`: the rows of an emptied broker are kept beside, and the tables begin anew."""

from connectors.warehouse import set_aside as move
from infra.config import load_config
from streams.cli.endpoints import need_broker, need_connect, need_database
from streams.cli.errors import BadValue
from streams.cli.output import Output
from streams.cli.sinks.options import SetAside


def set_aside(asked: SetAside, out: Output) -> None:
    """Move the tables, and show where they are now."""
    if not asked.yes:
        raise BadValue("the tables will be empty, their rows in schemas of their own: --yes is needed")
    config = load_config()
    need_broker(config)
    need_connect(config)
    need_database(config)
    moved = move(config)
    rows = [{"table": name, "rows_are_in": f"{schema}.{name}"} for name, schema in moved.items()]
    out.rows(rows, ("table", "rows_are_in"), empty="nothing to set aside: all rows are of the topics of today")
    if moved:
        out.note("next: make infra-up")
