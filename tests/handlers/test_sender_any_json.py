"""Whatever JSON comes, a sender answers with a reading, and what it receives can be stored and read back."""

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.api_examples import RECORDS
from handlers.raw import keepable
from handlers.senders import SENDERS, chartmogul, signature, stripe, tracking
from handlers.senders.reading import Reading
from models.base import json_bytes
from models.fact import dump_facts, read_facts

EXAMPLES = 40
NOW = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
READERS: dict[str, Callable[[Any], Reading]] = {
    **{kind: partial(read, received_at=NOW) for kind, read in SENDERS.items()},
    "activity": lambda entry: Reading((chartmogul.read_activity(entry),)),
    "customer": lambda entry: Reading((chartmogul.read_customer(entry),)),
    "stripe asked": partial(SENDERS["stripe"], received_at=NOW, how=stripe.How(is_asked=True)),
    "stripe subscription": lambda entry: Reading(tuple(stripe.read_listed(entry, stripe.PLAIN, received_at=NOW))),
    "stripe customer": lambda entry: Reading((stripe.read_customer(entry),)),
    **{f"/v1/{call}": partial(tracking.read, call, received_at=NOW) for call in tracking.CALLS},
}
KNOWN_NAMES = """
    account account_currency account_external_id activity-mrr activity-mrr-movement amount_minor anonymousId
    attributes audience_key batch company computation_class computation_key context currency current_mrr custom
    custom_attributes customer customer-external-id customer-since customer-uuid date description email event
    external_id external_ids group_id groupId id kind messageId movement_type mrr_movement_in_account_currency
    name occurred_at originalTimestamp owner personas previousId properties records role sent_at sentAt status
    subscription subscription-external-id tags amount_off billing_scheme cancel_at cancel_at_period_end canceled_at
    coupon created current_period_end currency discount discounts end ended_at interval interval_count items metadata
    object pause_collection percent_off plan previous_attributes price quantity recurring start_date tiers_mode
    trial_end unit_amount unit_amount_decimal usage_type timestamp traits type user_id userId uuid writeKey
"""
KNOWN_WORDS = """
    account alias audience churn contact delete expansion free group identify movement mrr_movement new_biz page role
    screen track usd JPY active u_1 ada@example.com 2026-11-20T14:00:00Z 9999-12-31T23:59:59-23:59 0001-01-01
"""
NAMES = st.sampled_from(KNOWN_NAMES.split())
WORDS = st.sampled_from([*KNOWN_WORDS.split(), "Send Contact", "Send Customer", "nul\0", "half \ud83d", "", " "])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS
JSON = st.recursive(
    SCALARS,
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(NAMES | st.text(max_size=5), children, max_size=8)
        | st.fixed_dictionaries({"type": WORDS, "userId": WORDS}, optional={"traits": children, "context": children})
    ),
    max_leaves=25,
)


STRIPE_SUBSCRIPTION: dict[str, Any] = {
    "id": "sub_1",
    "customer": "cus_1",
    "status": "active",
    "currency": "usd",
    "start_date": 1_763_000_000,
    "trial_end": 1_763_100_000,
    "canceled_at": None,
    "cancel_at": None,
    "discounts": [{"id": "di_1", "coupon": {"percent_off": 10, "duration": "forever"}}],
    "items": {
        "data": [{"id": "si_1", "quantity": 2, "price": {"unit_amount": 5000, "recurring": {"interval": "month"}}}]
    },
}

GOOD: list[tuple[str, dict[str, Any]]] = [
    *[("api", example) for name, (_summary, example) in RECORDS.items() if name != "several"],
    (
        "chartmogul",
        {
            "type": "mrr_movement",
            "date": "2024-01-02T22:58:44.000Z",
            "customer": {"uuid": "cus_1", "currency": "USD", "current_mrr": 19900, "custom_attributes": {}},
            "description": "switched plan from Yellow to Blue",
            "subscription": {"external_id": "6882bdd1"},
            "movement_type": "expansion",
            "account_currency": "USD",
            "mrr_movement_in_account_currency": 10000,
        },
    ),
    (
        "activity",
        {
            "uuid": "f1a49735",
            "date": "2023-02-21T09:28:10+00:00",
            "type": "new_biz",
            "activity-mrr-movement": 6000,
            "activity-mrr": 6000,
            "currency": "USD",
            "customer-uuid": "cus_8bc55ab6",
            "customer-external-id": "cus_0001",
            "subscription-external-id": "sub_0001",
        },
    ),
    (
        "customer",
        {
            "uuid": "cus_1",
            "external_id": "c1",
            "attributes": {"tags": [], "custom": {}},
            "customer-since": "",
            "owner": "dana@acme.com",
        },
    ),
    ("stripe subscription", STRIPE_SUBSCRIPTION),
    ("stripe customer", {"id": "cus_1", "created": 1_763_000_000, "name": "", "email": "", "metadata": {"k": "v"}}),
    (
        "stripe",
        {
            "id": "evt_1",
            "type": "customer.subscription.updated",
            "created": 1_763_200_000,
            "data": {"object": STRIPE_SUBSCRIPTION, "previous_attributes": {"quantity": 1, "items": {"data": []}}},
        },
    ),
    ("segment", {"type": "Send Contact", "message_id": "m", "timestamp": "", "user_id": "u_1", "company": {"id": "a"}}),
    ("segment", {"type": "Send Customer", "message_id": "m", "group_id": "g", "created_at": "", "address": {}}),
    ("segment", {"type": "delete", "messageId": "m", "userId": "u_1", "timestamp": ""}),
    ("segment", {"type": "alias", "userId": "u_1", "previousId": "a_1", "originalTimestamp": "", "sentAt": ""}),
    (
        "segment",
        {"type": "track", "userId": "u_1", "event": "e", "properties": {"audience_key": "a", "a": True}, "context": {}},
    ),
    ("/v1/identify", {"userId": "u_1", "traits": {"company": {"id": 1}}, "context": {"groupId": "g"}, "sentAt": ""}),
    ("/v1/group", {"userId": "u_1", "groupId": "g", "traits": {"createdAt": ""}, "context": {"traits": {}}}),
    ("/v1/batch", {"batch": [{"type": "identify", "userId": "u_1"}], "context": {"traits": {}}, "sentAt": ""}),
]


@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=EXAMPLES, deadline=None)
@given(body=JSON)
def test_a_sender_never_raises_on_any_json(reader: str, body: Any) -> None:
    check(READERS[reader](body))


@pytest.mark.parametrize(("reader", "good"), GOOD)
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data(), value=JSON)
def test_a_sender_never_raises_on_a_good_payload_gone_bad(
    reader: str, good: dict[str, Any], data: st.DataObject, value: Any
) -> None:
    assert READERS[reader](good).received
    name = data.draw(st.sampled_from(sorted(good)))
    check(READERS[reader](good | {name: value}))
    if isinstance(good[name], dict):
        check(READERS[reader](good | {name: good[name] | {data.draw(NAMES): value}}))


@settings(max_examples=EXAMPLES, deadline=None)
@given(body=JSON, is_signed=st.booleans())
def test_a_signature_never_raises_on_any_json(body: Any, is_signed: bool) -> None:
    reading = SENDERS["segment"](body, received_at=NOW)
    content = json.dumps(body).encode()
    signed = hmac.new(b"s", content, hashlib.sha1).hexdigest() if is_signed else None
    judged = signature.judge(reading, body, content, signature=signed, secret="s")
    check(judged)
    assert is_signed or not any(one.kind == "delete" for one in judged.received)


def check(reading: Reading) -> None:
    for received in reading.received:
        stored = orjson.loads(orjson.dumps(dump_facts(received.facts)))
        assert read_facts(stored) == received.facts
        assert b"\\u0000" not in json_bytes(stored)
        received.dedupe_key.encode()
    for refused in reading.refused:
        (refused.kind + refused.field + refused.reason + (refused.id or "")).encode()
        assert refused.field
        assert refused.reason.endswith(".")
        assert len(json_bytes(keepable(refused.raw))) <= 8 * 1024
