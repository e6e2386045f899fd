"""Slack's request signature, version 0."""

import hashlib
import hmac

VERSION = "v0"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Sign a request body as Slack does, over the version, the timestamp and the raw bytes."""
    message = b":".join((VERSION.encode(), timestamp.encode(), body))
    return f"{VERSION}={hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()}"


def signed_headers(secret: str, body: bytes, *, now: float) -> dict[str, str]:
    timestamp = str(int(now))
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature(secret, timestamp, body)}
