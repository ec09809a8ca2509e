"""The report of a backtest or of a sweep: one HTML file that can be opened anywhere, offline."""

from streams.backtest.report.heat import Objective, objective_named
from streams.backtest.report.page import About, Page, Run, run_page, sweep_page
from streams.backtest.report.render import render, write_page

__all__ = ["About", "Objective", "Page", "Run", "objective_named", "render", "run_page", "sweep_page", "write_page"]
