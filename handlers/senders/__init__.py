"""Senders: one module for each kind of source that posts to its webhook.

Each has `read(body, *, received_at) -> Reading`, a pure function that never raises on any JSON: what can't be taken
comes back refused, with the field and the reason. `tracking` reads Segment's tracking API, which has paths of its own.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from handlers.senders import api, chartmogul, segment, stripe
from handlers.senders.reading import Reading


class Sender(Protocol):
    """What reads a decoded body."""

    def __call__(self, body: Any, /, *, received_at: datetime) -> Reading:
        """Read the body."""


SENDERS: Mapping[str, Sender] = {
    "api": api.read,
    "chartmogul": chartmogul.read,
    "segment": segment.read,
    "stripe": stripe.read,
}
"""What reads a source's webhook, by the source's kind."""
