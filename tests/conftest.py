"""Fixtures of all tests."""

import pytest

from tests.stack import stack

__all__ = ["stack"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option of the `stack` fixture."""
    text = "leave the test stack running and take it over next time (as HEDGEHOG_TEST_KEEP=1 does)"
    parser.addoption("--keep-stack", action="store_true", help=text)
