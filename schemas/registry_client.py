"""The few requests to a schema registry that the project makes, of its Confluent-compatible API.

By the standard library: the client that comes with confluent-kafka brings sign-in for clouds and a context of TLS with
it, which took longer than all else that a command does before it begins.
"""

import json
from base64 import b64encode
from http.client import FORBIDDEN, NOT_FOUND, UNAUTHORIZED
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import Request, urlopen

from infra.urls import without_password

TIMEOUT_S = 30.0
KIND = "application/vnd.schemaregistry.v1+json"


class RegistryError(Exception):
    """The registry has refused a request; `status` is that of HTTP, `message` says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{message} (HTTP status {status})")
        self.status = status
        self.message = message


class RegistryClient:
    """Asks the registry whose API is at `url`, which may hold a user and a password.

    Methods raise `RegistryError` for what it refuses, `OSError` where it does not answer, and `ValueError` for an
    answer that is none of a registry's.
    """

    def __init__(self, url: str) -> None:
        self._url, signed_in = _signed_in(url)
        self._headers = {"Accept": KIND, "Content-Type": KIND, **signed_in}

    def register(self, subject: str, schema: str) -> int:
        """Return the id of a schema in Avro under a subject, which has it from then on."""
        return int(self._field("id", "POST", f"subjects/{_part(subject)}/versions", _avro(schema)))

    def lookup(self, subject: str, schema: str) -> int:
        """Return the id of a schema that a subject has already."""
        return int(self._field("id", "POST", f"subjects/{_part(subject)}", _avro(schema)))

    def schema(self, schema_id: int) -> str:
        """Return the text of a schema."""
        return str(self._field("schema", "GET", f"schemas/ids/{schema_id}"))

    def compatibility(self, subject: str) -> str:
        """Return the subject's own rule of compatibility."""
        return str(self._field("compatibilityLevel", "GET", f"config/{_part(subject)}"))

    def demand(self, subject: str, compatibility: str) -> None:
        """Give a subject a rule of compatibility."""
        self._answer("PUT", f"config/{_part(subject)}", {"compatibility": compatibility})

    def _field(self, name: str, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        answer = self._answer(method, path, body)
        if not isinstance(answer, dict) or name not in answer:
            raise ValueError(f"{method} {path}: the answer has no {name}: {str(answer)[:200]}")
        return answer[name]

    def _answer(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self._url}/{path}", data, self._headers, method=method)  # noqa: S310 - see above
        try:
            with urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
                return json.loads(response.read())
        except HTTPError as error:
            with error:
                raise RegistryError(error.code, _reason(error.read()) or str(error.reason)) from None


class RegistryArchive:
    """All that a registry of Apicurio holds, with its ids, as one archive (a zip).

    Methods raise `RegistryError` for what it refuses, and `OSError` where it does not answer.
    """

    def __init__(self, url: str) -> None:
        address, self._headers = _signed_in(url)
        self._url = f"{address}/apis/registry/v3/admin"

    def exported(self) -> bytes | None:
        """Return the archive; `None` where the registry is of another kind, or does not let us have it."""
        try:
            return self._answer(Request(f"{self._url}/export", headers=self._headers))  # noqa: S310 - see above
        except RegistryError as error:
            if error.status in (UNAUTHORIZED, FORBIDDEN, NOT_FOUND):
                return None
            raise

    def take_back(self, archive: bytes) -> None:
        """Add what an archive holds and the registry does not, under the ids of the archive."""
        kept = {"X-Registry-Preserve-GlobalId": "true", "X-Registry-Preserve-ContentId": "true"}
        headers = {**self._headers, "Content-Type": "application/zip", **kept}
        address = f"{self._url}/import?requireEmptyRegistry=false"
        self._answer(Request(address, archive, headers, method="POST"))  # noqa: S310

    def _answer(self, request: Request) -> bytes:
        try:
            with urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
                return bytes(response.read())
        except HTTPError as error:
            with error:
                raise RegistryError(error.code, str(error.reason)) from None


def _signed_in(url: str) -> tuple[str, dict[str, str]]:
    """Return the address without user and password, and the header that says them. `ValueError` for none of HTTP."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"{url!r} is no address of a registry: it begins neither with http: nor with https:")
    address = without_password(url).rstrip("/")
    if parts.username is None:
        return address, {}
    signed = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return address, {"Authorization": f"Basic {b64encode(signed.encode()).decode()}"}


def _avro(schema: str) -> dict[str, str]:
    return {"schema": schema, "schemaType": "AVRO"}


def _part(name: str) -> str:
    return quote(name, safe="")


def _reason(body: bytes) -> str:
    """Return what a refusal says, where it is one of a registry."""
    try:
        said = json.loads(body)
    except ValueError:
        return ""
    return str(said.get("message", "")) if isinstance(said, dict) else ""
