"""Who may ask for what: the address asked for, where a change comes from, its token, and the password.

A page of another site cannot read what this one says, but it can make a browser send things here. So a change needs an
origin that is ours and a token that only our page has; and a name of somebody else that leads here is refused, or that
page would be of our origin. The key from which tokens are made outlives the process: a page that was open before a
restart goes on.
"""

import hmac
import os
import secrets
from hashlib import sha256
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

SESSION, LOGIN = "hedgehog", "hedgehog-login"
TOKEN_HEADER = "X-Hedgehog-Token"  # noqa: S105 -- the name of a header
KEY_BYTES = 32
KEY_FILE = "dashboard.key"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
POLICY = "; ".join(
    (
        "default-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
OPEN_PATHS = ("/login", "/static/", "/healthz", "/metrics")
"""What is served to those who have not logged in: nothing that tells of markets or money."""


class Guard:
    """What decides. Without a `password` everybody who reaches the address is let in."""

    def __init__(self, folder: Path, host: str, password: str) -> None:
        self._key = load_key(folder)
        self._host = host
        self._password = password

    def token(self, session: str) -> str:
        """Return the token that goes with a session's cookie."""
        return hmac.new(self._key, b"token " + session.encode(errors="replace"), sha256).hexdigest()

    def session_of(self, request: web.Request) -> str:
        """Return the request's session, a new one where it has none."""
        return request.cookies.get(SESSION) or secrets.token_urlsafe(24)

    def is_known_host(self, request: web.Request) -> bool:
        """Return whether the request asks for a name of ours; with a password any will do, for cookies are by name."""
        name = host_name(request.headers.get("Host", ""))
        return bool(self._password) or name in (*LOOPBACK, self._host)

    def is_logged_in(self, request: web.Request) -> bool:
        """Return whether the request may see anything."""
        if not self._password or request.path.startswith(OPEN_PATHS):
            return True
        return _same(request.cookies.get(LOGIN, ""), self.login_cookie())

    def login_cookie(self) -> str:
        """Return what the browser of somebody who knew the password has."""
        return hmac.new(self._key, b"login " + self._password.encode(), sha256).hexdigest()

    def is_password(self, typed: str) -> bool:
        """Return whether this is the password."""
        return bool(self._password) and _same(typed, self._password)

    def objection(self, request: web.Request) -> str | None:
        """Return why a request may not change anything."""
        origin = request.headers.get("Origin")
        if origin is None or origin != f"{request.scheme}://{request.host}":
            return f"Origin: {origin or 'none'} is not this dashboard"
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            return "Sec-Fetch-Site: the request comes from another site"
        if request.path == "/login":
            return None
        if request.content_type != "application/json":
            return f"Content-Type: {request.content_type} is not application/json"
        session = request.cookies.get(SESSION, "")
        given = request.headers.get(TOKEN_HEADER, "")
        if not session or not _same(given, self.token(session)):
            return f"{TOKEN_HEADER}: missing or wrong; load the page again"
        return None

    def middleware(self) -> Middleware:
        """Return what every request goes through."""

        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            refused = self._refused(request)
            response = refused if refused is not None else await handler(request)
            if not response.prepared:
                response.headers.update(HEADERS)
            return response

        return guarded

    def _refused(self, request: web.Request) -> web.Response | None:
        if not self.is_known_host(request):
            return web.json_response({"error": f"Host: {request.headers.get('Host')} is no name of ours"}, status=421)
        if not self.is_logged_in(request):
            if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
                return web.Response(status=303, headers={"Location": "/login"})
            return web.json_response({"error": "log in first"}, status=401)
        if request.method not in ("GET", "HEAD"):
            objection = self.objection(request)
            if objection is not None:
                return web.json_response({"error": objection}, status=403)
        return None


def _same(given: str, wanted: str) -> bool:
    """Return whether two texts are the same, in a time that does not tell where they differ; any bytes may be given."""
    return hmac.compare_digest(given.encode(errors="replace"), wanted.encode(errors="replace"))


def host_name(host: str) -> str:
    """Return the name in a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if ":" in host else host


def load_key(folder: Path) -> bytes:
    """Return the key of this installation; it is made where there is none, readable by its owner alone."""
    path = folder / KEY_FILE
    folder.mkdir(parents=True, exist_ok=True)
    try:
        key = path.read_bytes()
        if len(key) == KEY_BYTES:
            return key
    except FileNotFoundError:
        pass
    key = secrets.token_bytes(KEY_BYTES)
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(key)
    part.replace(path)
    return key
