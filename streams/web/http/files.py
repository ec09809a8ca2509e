"""The files that pages load: read once, packed once, named by their content so that browsers keep them."""

import gzip
from hashlib import sha256
from pathlib import Path

from aiohttp import web

ROOT = Path(__file__).parents[1] / "static"
TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
PACKED = (".js", ".mjs", ".css", ".svg", ".txt")
LEAST_BYTES = 500


class Files:
    """The files below a folder, by the path in their address."""

    def __init__(self, root: Path = ROOT) -> None:
        self._plain: dict[str, bytes] = {}
        self._packed: dict[str, bytes] = {}
        self._tags: dict[str, str] = {}
        for path in sorted(root.rglob("*")):
            if path.suffix in TYPES and path.is_file():
                name, data = path.relative_to(root).as_posix(), path.read_bytes()
                self._plain[name] = data
                self._tags[name] = sha256(data).hexdigest()[:16]
                if path.suffix in PACKED and len(data) > LEAST_BYTES:
                    self._packed[name] = gzip.compress(data, 9, mtime=0)
        self.version = sha256("".join(self._tags.values()).encode()).hexdigest()[:12]
        """Of all files together: a page loads those of the server that it is from."""

    def answer(self, request: web.Request) -> web.Response:
        """Return a file; 404 for what is none."""
        name = request.match_info["name"]
        if name not in self._plain:
            raise web.HTTPNotFound
        tag = f'"{self._tags[name]}"'
        # modules name each other without a version: so they are asked for again, and mostly not sent
        headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        packed = "gzip" in request.headers.get("Accept-Encoding", "") and name in self._packed
        if packed:
            headers["Content-Encoding"] = "gzip"
        body = self._packed[name] if packed else self._plain[name]
        kind = TYPES[Path(name).suffix]
        return web.Response(body=body, headers=headers, content_type=kind)
