"""Kind `api`: what each record becomes, and what a bad one is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers.senders import api
from handlers.senders.reading import Received, Refused
from models.fact import AccountFact, ContactFact, MovementFact, RoleFact, SubscriptionFact

NOW = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
MOVEMENT: dict[str, Any] = {
    "type": "movement",
    "id": "mv_1",
    "account_external_id": "acct_42",
    "kind": "expansion",
    "amount_minor": 42000,
    "currency": "USD",
    "occurred_at": "2026-11-20T14:02:00Z",
}
ACCOUNT: dict[str, Any] = {"type": "account", "external_id": "acct_42", "name": "Northwind Traders"}


def received(record: dict[str, Any], *, at: datetime = NOW) -> Received:
    (only,) = api.read(record, received_at=at).records
    assert isinstance(only, Received), only
    return only


def refused(record: Any) -> Refused:
    (only,) = api.read([record], received_at=NOW).records
    assert isinstance(only, Refused), only
    return only


def test_a_movement_is_taken_with_all_its_fields() -> None:
    full = MOVEMENT | {
        "account_name": "Northwind Traders",
        "mrr_before_minor": 120000,
        "mrr_after_minor": 162000,
        "plan": "Scale",
        "plan_before": "Team",
        "description": "12 → 16 seats",
        "subscription_external_id": "sub_9",
        "url": "https://billing.example.com/sub_9",
    }
    got = received(full)
    assert (got.kind, got.dedupe_key) == ("movement", "movement:mv_1")
    assert got.occurred_at == datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
    fields = {name: value for name, value in full.items() if name != "id"}
    assert got.facts == (MovementFact.model_validate(fields | {"external_id": "mv_1"}),)


def test_a_movement_brings_its_account_along() -> None:
    record = {name: value for name, value in MOVEMENT.items() if name != "account_external_id"}
    record["account"] = {"external_id": 42, "name": "Northwind", "status": "customer", "attributes": {"Country": "DE"}}
    account, movement = received(record).facts
    assert account == AccountFact.model_validate(record["account"])
    assert isinstance(movement, MovementFact)
    assert (movement.account_external_id, movement.account_name) == ("42", "Northwind")


def test_a_movement_may_name_its_account_twice_but_not_differently() -> None:
    record = MOVEMENT | {"account": {"external_id": "acct_42"}}
    assert len(received(record).facts) == 2
    assert refused(MOVEMENT | {"account": {"external_id": "acct_43"}}).field == "account_external_id"


@pytest.mark.parametrize(
    ("record", "fact"),
    [
        (ACCOUNT, AccountFact(external_id="acct_42", name="Northwind Traders")),
        (
            {"type": "contact", "email": "sofia@example.com", "account_external_id": "acct_42", "title": "CFO"},
            ContactFact(email="sofia@example.com", account_external_id="acct_42", title="CFO"),
        ),
        (
            {"type": "role", "account_external_id": "acct_42", "role": "Owner", "email": "dana@acme.com"},
            RoleFact(account_external_id="acct_42", role="owner", email="dana@acme.com"),
        ),
        (
            {"type": "role", "account_external_id": "acct_42", "role": "csm", "email": None},
            RoleFact(account_external_id="acct_42", role="csm", email=None),
        ),
    ],
)
def test_accounts_contacts_and_roles_are_facts(record: dict[str, Any], fact: object) -> None:
    got = received(record)
    assert (got.kind, got.facts, got.occurred_at) == (record["type"], (fact,), NOW)


@pytest.mark.parametrize("body", [MOVEMENT, [MOVEMENT], {"records": [MOVEMENT]}])
def test_one_record_an_array_and_an_object_with_records_are_the_same(body: Any) -> None:
    assert [record.dedupe_key for record in api.read(body, received_at=NOW).received] == ["movement:mv_1"]


@pytest.mark.parametrize("body", [[], {"records": []}])
def test_no_records_are_nothing_to_complain_about(body: Any) -> None:
    assert api.read(body, received_at=NOW).records == ()


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("text", 400, "no_records"),
        (5, 400, "no_records"),
        (None, 400, "no_records"),
        ({"records": {}}, 400, "no_records"),
        ([ACCOUNT] * 1001, 413, "too_many_records"),
    ],
)
def test_a_body_without_readable_records_is_refused_whole(body: Any, status: int, error: str) -> None:
    unreadable = api.read(body, received_at=NOW).unreadable
    assert unreadable is not None
    assert (unreadable.status, unreadable.error) == (status, error)


def test_a_thousand_records_are_taken() -> None:
    assert len(api.read([ACCOUNT] * 1000, received_at=NOW).received) == 1000


UNSTORABLE = "The text has a NUL character or half of a surrogate pair in it; take it out."
NO_TIME = "It is not a time since 1990; send ISO 8601, such as 2026-11-20T14:02:00Z."
NO_INTEGER = "It must be a whole number of minor units, such as 42000 for $420.00."
NO_SCALAR = "An attribute is a text, a number, true, false or null."
NO_TYPE = "It must be 'movement', 'subscription', 'signal', 'account', 'contact' or 'role'."
NOBODY = "Nobody can tell whose contact this is; send user_id, anonymous_id or email."


@pytest.mark.parametrize(
    ("record", "field", "reason"),
    [
        ("text", "record", "It must be a JSON object."),
        ({}, "type", NO_TYPE),
        ({"type": ["account"]}, "type", NO_TYPE),
        ({"type": "account"}, "external_id", "It is missing; send it."),
        (ACCOUNT | {"id": {}}, "id", "It must be text or a whole number."),
        (ACCOUNT | {"id": "i" * 256}, "id", "It is longer than 255 characters; shorten it."),
        (MOVEMENT | {"id": "i" * 256}, "id", "It is longer than 255 characters; shorten it."),
        (MOVEMENT | {"account": {"external_id": "acct_42"}, "account_name": []}, "account_name", "It must be text."),
        (ACCOUNT | {"seats": 5}, "seats", "There is no such field; put a value of your own under attributes."),
        (ACCOUNT | {"name": "n" * 256}, "name", "It is longer than 255 characters; shorten it."),
        (ACCOUNT | {"name": "\0"}, "name", UNSTORABLE),
        (ACCOUNT | {"attributes": {"Country": "\udc00"}}, "attributes.Country", UNSTORABLE),
        (ACCOUNT | {"attributes": {"a": {}}}, "attributes.a", NO_SCALAR),
        (ACCOUNT | {"status": "vip"}, "status", "It must be 'lead', 'customer' or 'churned'."),
        (ACCOUNT | {"occurred_at": "soon"}, "occurred_at", NO_TIME),
        (ACCOUNT | {"occurred_at": "1970-01-01"}, "occurred_at", NO_TIME),
        ({"type": "contact", "name": "Sofia"}, "user_id", NOBODY),
        (MOVEMENT | {"amount_minor": None}, "amount_minor", NO_INTEGER),
        (
            MOVEMENT | {"amount_minor": 0},
            "amount_minor",
            "For expansion the amount must be above 0, since it is a gain.",
        ),
        (MOVEMENT | {"kind": "churn"}, "amount_minor", "For churn the amount must be below 0, since it is a loss."),
        (MOVEMENT | {"account": "Northwind"}, "account", "It must be an object with an external_id."),
        (MOVEMENT | {"account": {"name": "Northwind"}}, "account.external_id", "It is missing; send it."),
        (MOVEMENT | {"account": ACCOUNT | {"attributes": {"a": []}}}, "account.attributes.a", NO_SCALAR),
    ],
)
def test_a_bad_record_is_told_the_field_and_what_to_do(record: Any, field: str, reason: str) -> None:
    got = refused(record)
    assert (got.field, got.reason) == (field, reason)


def test_one_bad_record_leaves_its_neighbours_alone() -> None:
    bad = {"type": "movement", "id": "mv_2"}
    reading = api.read({"records": [ACCOUNT, MOVEMENT, "?", bad, ACCOUNT]}, received_at=NOW)
    assert [record.kind for record in reading.received] == ["account", "movement", "account"]
    assert [(record.record, record.id, record.kind) for record in reading.refused] == [
        (2, None, "unknown"),
        (3, "mv_2", "movement"),
    ]


def test_a_movement_without_an_id_is_known_by_what_it_says() -> None:
    anonymous = {name: value for name, value in MOVEMENT.items() if name != "id"}
    reordered = dict(reversed(anonymous.items()))
    later = NOW + timedelta(hours=1)
    assert received(anonymous).dedupe_key == received(reordered, at=later).dedupe_key
    assert received(anonymous).dedupe_key != received(anonymous | {"amount_minor": 42001}).dedupe_key


def test_an_id_is_unique_for_each_type_of_record() -> None:
    assert received(ACCOUNT | {"id": 7}).dedupe_key == "account:7"
    assert received(MOVEMENT | {"id": 7}).dedupe_key == "movement:7"


def test_an_account_may_become_again_what_it_was() -> None:
    """Without this, customer → churned → customer would stay churned, since the third would count as the first."""
    customer = ACCOUNT | {"status": "customer"}
    assert received(customer).dedupe_key != received(customer, at=NOW + timedelta(days=90)).dedupe_key


def test_an_account_with_a_time_of_its_own_is_known_by_what_it_says() -> None:
    dated = ACCOUNT | {"occurred_at": "2026-11-20T14:02:00Z"}
    first, again = received(dated), received(dated, at=NOW + timedelta(days=90))
    assert first.dedupe_key == again.dedupe_key
    assert first.occurred_at == datetime(2026, 11, 20, 14, 2, tzinfo=UTC)


SUBSCRIPTION: dict[str, Any] = {
    "type": "subscription",
    "external_id": "sub_9",
    "account_external_id": "acct_42",
    "mrr_minor": 162000,
    "currency": "USD",
    "starts_at": "2026-11-20",
}


def test_a_subscription_is_taken_as_of_its_own_time_or_else_of_its_arrival() -> None:
    (fact,) = received(SUBSCRIPTION).facts
    assert isinstance(fact, SubscriptionFact)
    assert (fact.starts_at, fact.ends_at, fact.as_of) == (datetime(2026, 11, 20, tzinfo=UTC), None, NOW)
    said_at = NOW - timedelta(hours=2)
    dated = received(SUBSCRIPTION | {"occurred_at": said_at.isoformat(), "ends_at": "2026-11-20T00:00:00+00:00"})
    (fact,) = dated.facts
    assert isinstance(fact, SubscriptionFact)
    assert (fact.as_of, fact.ends_at, dated.occurred_at) == (said_at, fact.starts_at, said_at)


def test_the_same_subscription_said_again_is_new_unless_it_has_a_time_of_its_own() -> None:
    later = NOW + timedelta(minutes=1)
    assert received(SUBSCRIPTION).dedupe_key != received(SUBSCRIPTION, at=later).dedupe_key
    dated = SUBSCRIPTION | {"occurred_at": NOW.isoformat()}
    assert received(dated).dedupe_key == received(dated, at=later).dedupe_key


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("ends_at", "2026-11-19", "ends before it starts"),
        ("mrr_minor", -1, "beyond what Runrate keeps"),
        ("mrr_minor", "100", "whole number"),
        ("currency", "XXY", "ISO 4217"),
        ("external_id", " ", "empty"),
        ("starts_at", "soon", "not a time"),
        ("as_of", "2026-11-20", "no such field"),
    ],
)
def test_a_subscription_that_can_t_be_is_refused_by_its_field(field: str, value: Any, reason: str) -> None:
    found = refused(SUBSCRIPTION | {field: value})
    assert found.field == field
    assert reason in found.reason
