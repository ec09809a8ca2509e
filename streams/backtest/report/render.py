"""The report as one HTML file that needs nothing else: style, script and data are inside, and nothing is asked for."""

import hashlib
from base64 import b64encode
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from streams.backtest.report.page import Page

ASSETS = Path(__file__).parent / "assets"


def write_page(path: Path, page: Page) -> None:
    """Write the report; raise `OSError` where that cannot be."""
    path.write_text(render(page), encoding="utf-8")


def render(page: Page) -> str:
    """Return the report as HTML. Whatever a text holds is shown as it is: none of it becomes markup or script."""
    templates = Environment(
        loader=PackageLoader("streams.backtest.report", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = (_asset(name) for name in ("page.css", "page.js"))
    # the page's own script, and no other, may run, and nothing may be loaded, whatever stands in the data
    policy = (
        f"default-src 'none'; script-src 'sha256-{_digest(script)}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return templates.get_template("page.html.j2").render(page=page, style=style, script=script, policy=policy)


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return b64encode(hashlib.sha256(script.encode()).digest()).decode()
