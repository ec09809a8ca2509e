"""Which topics the tables of the sinks are filled from, and what happens to the rows of a topic that is no more.

An emptied broker gives its topics other ids. Their records are of another life of the installation: its orders, its
positions, its settings. Rows of two such lives in one table would look like one.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, Table, delete, exists, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from schemas.order_ids import incarnation_of
from schemas.sql.models import Base
from schemas.topics import SINKS

TRIGGERS = """
    SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger
    WHERE tgrelid = CAST(:name AS regclass) AND NOT tgisinternal
"""


class SourceRow(Base):
    """The topic that the table of this name is filled from, by the id that the broker has given it."""

    __tablename__ = "sources"

    name: Mapped[str] = mapped_column(primary_key=True)
    topic_id: Mapped[str]


def tables() -> dict[str, Table]:
    """Return the tables that sinks fill, by name."""
    return {topic.name: Base.metadata.tables[topic.name] for topic in SINKS}


def sources(connection: Connection) -> dict[str, str]:
    """Return the id of the topic that each table is known to be filled from, by the table's name."""
    return {row.name: row.topic_id for row in connection.execute(select(SourceRow.__table__))}


def empty(connection: Connection) -> set[str]:
    """Return the names of the tables without a row."""
    return {name for name, table in tables().items() if not connection.scalar(select(exists(select(table))))}


def note(connection: Connection, topic_ids: Mapping[str, str]) -> None:
    """Note which topics the tables are filled from, by the names of the tables."""
    for name, topic_id in topic_ids.items():
        values = insert(SourceRow).values(name=name, topic_id=topic_id)
        connection.execute(values.on_conflict_do_update(index_elements=["name"], set_={"topic_id": topic_id}))


def set_aside(connection: Connection, name: str) -> str:
    """Move a table into the schema of the topic that it was filled from, and make an empty one in its place.

    Returns the name of the schema. Triggers come along as they are now.
    """
    schema = f"rows_of_{incarnation_of(sources(connection)[name])}"
    triggers = connection.execute(text(TRIGGERS), {"name": name}).all()
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
    connection.execute(text(f"ALTER TABLE {name} SET SCHEMA {schema}"))
    tables()[name].create(connection)
    for _, definition in sorted(triggers):
        connection.execute(text(definition))
    connection.execute(delete(SourceRow).where(SourceRow.name == name))
    return schema
