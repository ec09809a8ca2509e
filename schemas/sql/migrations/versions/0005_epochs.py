"""Orders and fills carry the epoch in which they were decided; one of a lower epoch overwrites none of a higher."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

KEEP = "CREATE OR REPLACE FUNCTION {0}_keep_newer() RETURNS trigger LANGUAGE plpgsql AS $$ {1} $$"


def upgrade() -> None:
    for table in ("orders", "fills"):
        # Records that were written before come to their table without it: the sink then leaves the column out.
        op.add_column(table, sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"))
    keep_newer("orders", "(NEW.epoch, NEW.version) <= (OLD.epoch, OLD.version)")
    keep_newer("fills", "NEW.epoch < OLD.epoch")
    # before the trigger that drops what changes nothing, see revision 0001
    op.execute("CREATE TRIGGER a_keep_newer BEFORE UPDATE ON fills FOR EACH ROW EXECUTE FUNCTION fills_keep_newer()")


def keep_newer(table: str, older: str) -> None:
    op.execute(KEEP.format(table, f"BEGIN IF {older} THEN RETURN NULL; END IF; RETURN NEW; END"))
