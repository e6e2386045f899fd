"""A first event for somebody to send by hand, so that a new source can be seen working at once."""

from datetime import UTC, datetime
from typing import Any

import orjson

from models.source import SourceKind


def curl_line(kind: SourceKind, url: str, *, now: datetime) -> str | None:
    """Write a line for a terminal that sends a first event to a source's URL; None for a kind that takes none."""
    event = _event(kind, now.astimezone(UTC).replace(microsecond=0))
    if event is None:
        return None
    return f"curl -sS '{url}' -H 'Content-Type: application/json' -d '{orjson.dumps(event).decode()}'"


def _event(kind: SourceKind, now: datetime) -> dict[str, Any] | None:
    match kind:
        case SourceKind.API:
            return _movement(now)
        case SourceKind.CHARTMOGUL:
            return _chartmogul_movement(now)
        case SourceKind.SEGMENT:
            return _segment_customer(now)
        case SourceKind.STRIPE | SourceKind.CSV | SourceKind.SALESFORCE | SourceKind.HUBSPOT:
            return None  # What Stripe sends is signed.


def _movement(now: datetime) -> dict[str, Any]:
    return {
        "type": "movement",
        "id": f"test-{int(now.timestamp())}",
        "account_external_id": "test",
        "account_name": "Test account",
        # A customer that began with MRR of which nothing is known would leave the MRR of all unknown.
        "kind": "new_business",
        "amount_minor": 42000,
        "currency": "USD",
        "mrr_before_minor": 0,
        "mrr_after_minor": 42000,
        "plan": "Scale",
        "occurred_at": now,
    }


def _chartmogul_movement(now: datetime) -> dict[str, Any]:
    return {
        "date": now,
        "type": "mrr_movement",
        "movement_type": "new_biz",
        "movement_amount_in_cent": 42000,
        "account_currency": "USD",
        "mrr_movement_in_account_currency": 42000,
        "description": "Test: 16 seats",
        "customer": {
            "uuid": "cus_test",
            "external_id": "test",
            "company": "Test account",
            "name": "Test account",
            "status": "Active",
            "currency": "USD",
            "current_mrr": 42000,
        },
        "subscription": {"external_id": "test"},
    }


def _segment_customer(now: datetime) -> dict[str, Any]:
    return {
        "type": "Send Customer",
        "message_id": f"test-{int(now.timestamp())}",
        "timestamp": now,
        "sent_at": now,
        "user_id": "test",
        "group_id": "test",
        "name": "Test account",
    }
