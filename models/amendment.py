"""An amendment: what an edit changed of a destination, field by field, as the audit keeps it.

Of what could name a person or an account nothing is kept but that it was changed, since the audit is kept for good.
"""

from collections.abc import Collection, Mapping
from datetime import time
from typing import Any

from models.recipient import RecipientKind

TOLD = (
    "name", "frequency", "at", "zone", "weekday", "month_day", "is_business", "country", "kinds", "least_gain",
    "least_gain_share", "least_loss", "least_loss_share", "locale", "group_minutes", "has_threads", "mentions",
    "tells_empty", "attributes",
)  # fmt: skip
"""The fields whose values are kept as well."""

RECIPIENTS = "recipients"
UNTOLD = (RECIPIENTS, "conditions")

Amendment = Mapping[str, Any]
"""By the names of the fields that were changed: their values before and after; None for a field that is not told."""


def fields(destination: Any, recipients: Collection[tuple[str, str]]) -> dict[str, Any]:
    """Give the fields of a destination as they are, each a value that JSON has."""
    found = {name: getattr(destination, name) for name in (*TOLD, *UNTOLD) if name != RECIPIENTS}
    return {name: _plain(value) for name, value in found.items()} | {RECIPIENTS: sorted(recipients)}


def _plain(value: Any) -> Any:
    match value:
        case time():
            return f"{value:%H:%M}"
        case list() | tuple():
            return list(value)
        case _:
            return value


def between(before: Mapping[str, Any], after: Mapping[str, Any]) -> Amendment:
    """Say what was changed."""
    return {name: _told(name, before[name], after[name]) for name in after if before[name] != after[name]}


def _told(name: str, before: Any, after: Any) -> list[Any] | None:
    """Give the values that may be kept; of recipients the channels, where these were changed."""
    if name == RECIPIENTS:
        before, after = _channels(before), _channels(after)
        return [before, after] if before != after else None
    return [before, after] if name in TOLD else None


def _channels(recipients: Collection[tuple[str, str]]) -> list[str]:
    return [target for kind, target in recipients if kind == RecipientKind.CHANNEL]
