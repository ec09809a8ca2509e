"""Runs the migrations on the connection that `schemas.sql.migrate` opened; Alembic loads this file itself."""

from alembic import context

from schemas.sql.backtests import BacktestRun

# the metadata of all tables: those of the sinks are imported with these
context.configure(connection=context.config.attributes["connection"], target_metadata=BacktestRun.metadata)
context.run_migrations()
