"""The page: the frame around every view, and the first frame of data in it, so that it shows something at once."""

import gzip
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from streams.web.http.stream import Hub
from streams.web.model.panels import Parameters
from streams.web.model.views import panels_of

TEMPLATES = Path(__file__).parents[1] / "pages"
TITLES = {
    "market": "Market",
    "instrument": "Instrument",
    "bots": "Bots",
    "pipeline": "Pipeline",
    "backtests": "Backtests",
    "alerts": "Alerts",
}
# The data stand within an element: nothing in them may look like its end, or like the beginning of another.
UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


class Pages:
    """What makes pages."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        loader = jinja2.FileSystemLoader(TEMPLATES)
        self._templates = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)

    def page(self, request: web.Request, view: str, parameters: Parameters, token: str) -> web.Response:
        """Return the page of a view with its data as they are now."""
        panels = panels_of(view, self._hub.board, parameters)
        frame = self._hub.frame(panels).data.decode()
        first = "".join(UNSAFE.get(character, character) for character in frame)
        return self._packed(request, "page.html.j2", view=view, title=TITLES[view], token=token, first=first)

    def login(self, request: web.Request, wrong: bool = False) -> web.Response:
        """Return the page that asks for the password."""
        return self._packed(request, "login.html.j2", wrong=wrong)

    def _packed(self, request: web.Request, template: str, **values: Any) -> web.Response:
        body = self._templates.get_template(template).render(**values).encode()
        headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, 6)
        return web.Response(body=body, headers=headers, content_type="text/html", charset="utf-8")
