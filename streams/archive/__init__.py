"""Trades at rest: one compressed Parquet file for each instrument and UTC day, each trade in it once."""
