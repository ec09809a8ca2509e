"""Which settings of TLS and SASL fit together. Settings of one that the other has no use for are a mistake: they would
be taken for protection that is not there.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PLAINTEXT = "plaintext"
SECURITY = "HEDGEHOG_KAFKA_SECURITY"


def unfit(field: str, value: str, before: Mapping[str, Any]) -> str | None:
    """Return why `value` of a field of `Config` does not fit those `before` it; `None` where it does.

    These are fields with values that are good by themselves: where `kafka_security` is none, nothing is said.
    """
    if field == "kafka_security":
        return _unfit_security(value, str(before.get("kafka_bootstrap", "")))
    security = before.get("kafka_security")
    if security is None:
        return None
    if field == "kafka_ca_file":
        return _unfit_ca(value, security)
    if not security.startswith("sasl"):
        return f"is for {SECURITY}=sasl_ssl or sasl_plaintext, and that is {security}" if value else None
    typed = bool(before.get("kafka_password"))
    if field == "kafka_password_file" and value and typed:
        return "is given beside HEDGEHOG_KAFKA_PASSWORD: one of them"
    missing = field == "kafka_username" or (field == "kafka_password_file" and not typed)
    return f"{SECURITY}={security} needs one" if missing and not value else None


def _unfit_security(security: str, bootstrap: str) -> str | None:
    if security != PLAINTEXT and not bootstrap:
        return "the stack's own brokers speak plaintext, on 127.0.0.1; HEDGEHOG_KAFKA_BOOTSTRAP names others"
    return None


def _unfit_ca(path: str, security: str) -> str | None:
    if not path:
        return None
    if not security.endswith("ssl"):
        return f"is for {SECURITY}=ssl or sasl_ssl, and that is {security}"
    try:
        ssl.create_default_context(cafile=str(Path(path).expanduser()))
    except ssl.SSLError:
        return "has no certificate in PEM"
    except OSError as error:
        return error.strerror or str(error)
    return None
