"""Examples of what the intake takes, as they stand in its description. The tests send each of them."""

from collections.abc import Mapping
from typing import Any

Example = tuple[str, Any]
"""A sentence that says what it shows, and the body."""

_NORTHWIND = {"external_id": "acct_42", "name": "Northwind Traders"}
_MOVEMENT = {
    "type": "movement",
    "id": "mv_2026_11_20_0001",
    "account": {**_NORTHWIND, "status": "customer", "attributes": {"country": "Germany"}},
    "kind": "expansion",
    "amount_minor": 42000,
    "currency": "USD",
    "mrr_before_minor": 120000,
    "mrr_after_minor": 162000,
    "plan": "Scale",
    "description": "12 → 16 seats",
    "url": "https://billing.example.com/subscriptions/sub_9",
    "occurred_at": "2026-11-20T14:02:00Z",
}
_SUBSCRIPTION = {
    "type": "subscription",
    "external_id": "sub_9",
    "account": _NORTHWIND,
    "mrr_minor": 162000,
    "currency": "USD",
    "starts_at": "2026-11-20T14:02:00Z",
    "occurred_at": "2026-11-20T14:02:03Z",
}
_SIGNAL = {
    "type": "signal",
    "id": "sig_2026_11_20_0007",
    "account": {"external_id": "acct_43", "name": "Contoso", "sales_stage": "Closed Lost"},
    "kind": "new_hire",
    "person": "Sofia Marín",
    "title": "VP Finance",
    "text": "She championed you at Fabrikam until October.",
    "url": "https://crm.example.com/contacts/7",
    "occurred_at": "2026-11-20T09:12:00Z",
}
_ACCOUNT = {
    "type": "account",
    **_NORTHWIND,
    "status": "customer",
    "sales_stage": "Closed Won",
    "domain": "northwind.example",
    "url": "https://crm.example.com/accounts/42",
    "attributes": {"segment": "Mid-market", "seats": 16},
}
_CONTACT = {
    "type": "contact",
    "email": "sofia@northwind.example",
    "first_name": "Sofia",
    "last_name": "Marín",
    "title": "VP Finance",
    "account_external_id": "acct_42",
}
_ROLE = {"type": "role", "account_external_id": "acct_42", "role": "owner", "email": "dana@acme.com"}

RECORDS: Mapping[str, Example] = {
    "movement": ("A movement that brings its account along", _MOVEMENT),
    "subscription": ("A subscription, from which movements follow", _SUBSCRIPTION),
    "signal": ("A signal, which the account's owner hears of", _SIGNAL),
    "account": ("An account", _ACCOUNT),
    "contact": ("A person at an account", _CONTACT),
    "role": ("The owner of an account", _ROLE),
    "several": (
        "Several records at once",
        {"records": [_ACCOUNT, _ROLE, {**_ROLE, "role": "csm", "email": None}]},
    ),
}
"""By the type of record that it shows."""

_IDENTIFY = {
    "userId": "u_1",
    "messageId": "m-1",
    "timestamp": "2026-11-20T14:02:00.123Z",
    "traits": {"email": "sofia@northwind.example", "company": {"id": "acct_42", "name": "Northwind Traders"}},
}
_SEEN = {"userId": "u_1", "messageId": "m-3", "context": {"groupId": "acct_42"}}

TRACKING: Mapping[str, Example] = {
    "identify": ("Who a user is", _IDENTIFY),
    "group": (
        "What account a user belongs to",
        {
            "userId": "u_1",
            "groupId": "acct_42",
            "messageId": "m-2",
            "traits": {"name": "Northwind Traders", "website": "https://northwind.example", "plan": "scale"},
        },
    ),
    "track": ("What a user did", {**_SEEN, "event": "Signed Up", "properties": {"plan": "scale"}}),
    "page": ("What page a user saw", {**_SEEN, "name": "Pricing"}),
    "screen": ("What screen a user saw", {**_SEEN, "name": "Invoices"}),
    "alias": ("That a visitor is a user", {"userId": "u_1", "previousId": "a_7", "messageId": "m-4"}),
    "batch": (
        "Several calls at once",
        {
            "batch": [
                {"type": "identify", **_IDENTIFY},
                {"type": "track", "userId": "u_1", "messageId": "m-5", "event": "Signed In"},
            ],
            "sentAt": "2026-11-20T14:02:00Z",
        },
    ),
}
"""By the call that it shows."""
