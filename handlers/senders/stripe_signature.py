"""Stripe's signature: HMAC-SHA256 in hex over the time and the raw body, as the header `Stripe-Signature` has it.

That header is `t=1700000000,v1=…`, with a `v1` for each secret that Stripe signs with while one is being replaced.
"""

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

from handlers.senders.reading import Unreadable

HEADER = "Stripe-Signature"
TOLERANCE = timedelta(seconds=300)
"""How old a signature may be: Stripe signs anew whenever it sends an event again."""

_MOST_DIGITS = 15
_UNKNOWN = (
    "This source has no signing secret yet, so that nothing proves that Stripe sent this. Copy the signing secret from "
    "the endpoint's page in Stripe, and enter it with the source in Runrate's Home tab."
)
_WRONG = (
    "The signature does not match. Copy the signing secret of this very endpoint in Stripe, and enter it with the "
    "source in Runrate's Home tab."
)
_TOO_OLD = "The signature is older than 5 minutes. Set the clock of the machine that Runrate runs on."


def fault(content: bytes, *, signature: str | None, secrets: Sequence[str], now: datetime) -> Unreadable | None:
    """Say why a call can't be taken for Stripe's; None where it is signed with one of these secrets."""
    if not secrets:
        return Unreadable(401, "no_signing_secret", _UNKNOWN)
    signed_at, signatures = _parts(signature or "")
    if signed_at is None or not _fits(content, signed_at, signatures, secrets):
        return Unreadable(401, "wrong_signature", _WRONG)
    if now.timestamp() - signed_at > TOLERANCE.total_seconds():
        return Unreadable(401, "signature_too_old", _TOO_OLD)
    return None


def sign(content: bytes, signed_at: int, secret: str) -> str:
    """Sign a body as Stripe does."""
    return hmac.digest(secret.encode(), f"{signed_at}.".encode() + content, "sha256").hex()


def _parts(signature: str) -> tuple[int | None, list[str]]:
    """Read the time and the signatures of the scheme that counts; `v0` is for Stripe's test mode alone."""
    parts = [part.strip().partition("=")[::2] for part in signature.split(",")]
    times = [value for name, value in parts if name == "t" and value.isdecimal() and len(value) <= _MOST_DIGITS]
    return (int(times[0]) if times else None), [value for name, value in parts if name == "v1"]


def _fits(content: bytes, signed_at: int, signatures: Sequence[str], secrets: Sequence[str]) -> bool:
    """Compare each with each, all of them, in constant time."""
    right = [sign(content, signed_at, secret).encode() for secret in secrets]
    given = [signature.encode(errors="replace") for signature in signatures]
    return any([hmac.compare_digest(one, other) for one in right for other in given])  # noqa: C419
