"""An amendment: what an edit changed of a destination, field by field, as the audit keeps it.

Of a field that could name a person or an account only its name is kept, since the audit is kept for good.
"""

from collections.abc import Collection, Mapping
from datetime import time
from typing import Any

TOLD = (
    "name", "frequency", "at", "zone", "weekday", "month_day", "is_business", "country", "kinds", "least_gain",
    "least_gain_share", "least_loss", "least_loss_share", "locale", "group_minutes", "has_threads", "mentions",
    "tells_empty",
)  # fmt: skip
"""The fields whose values are kept as well."""

RECIPIENTS = "recipients"
UNTOLD = (RECIPIENTS, "conditions", "attributes")

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


def between(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Say what was changed."""
    changed = [name for name in after if before[name] != after[name]]
    return {name: [before[name], after[name]] if name in TOLD else None for name in changed}
