"""Runs the migrations on the connection that `schemas.sql.migrate` opened; Alembic loads this file itself."""

from alembic import context

from schemas.sql.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
