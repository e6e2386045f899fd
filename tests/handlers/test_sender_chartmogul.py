"""Kind `chartmogul`: the documented webhook payload, and how far real ones may stray from it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.senders import chartmogul
from handlers.senders.reading import Reading, Received, Refused
from models.fact import AccountFact, AccountStatus, MovementFact, RoleFact

NOW = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
CUSTOMER: dict[str, Any] = {
    "name": "Steve Rogers",
    "uuid": "cus_5bd2a63c",
    "email": "steve@example.com",
    "status": "active",
    "company": "",
    "currency": "USD",
    "current_arr": 238800,
    "current_mrr": 19900,
    "external_id": "c1241e5a82b04",
    "external_ids": ["c1241e5a82b04"],
    "currency_symbol": "$",
    "data_source_uuid": "ds_a246",
}
PAYLOAD: dict[str, Any] = {
    "date": "2024-01-02T22:58:44.000Z",
    "type": "mrr_movement",
    "customer": CUSTOMER,
    "description": "switched plan from Yellow to Blue",
    "subscription": {"external_id": "6882bdd1"},
    "movement_type": "expansion",
    "account_currency": "USD",
    "invoice_currency": "USD",
    "account_currency_symbol": "$",
    "invoice_currency_symbol": "$",
    "movement_amount_in_cent": 10000,
    "mrr_movement_in_account_currency": 10000,
    "mrr_movement_in_invoice_currency": 10000,
}


def payload(customer: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return PAYLOAD | {"customer": CUSTOMER | (customer or {})} | changes


def facts(body: dict[str, Any]) -> tuple[AccountFact, MovementFact]:
    (only,) = chartmogul.read(body, received_at=NOW).records
    assert isinstance(only, Received), only
    account, movement = only.facts
    assert isinstance(account, AccountFact)
    assert isinstance(movement, MovementFact)
    return account, movement


def refused(body: dict[str, Any]) -> Refused:
    (only,) = chartmogul.read(body, received_at=NOW).records
    assert isinstance(only, Refused), only
    return only


def key(body: dict[str, Any]) -> str:
    (only,) = chartmogul.read(body, received_at=NOW).received
    return only.dedupe_key


def test_the_documented_payload_is_an_account_and_a_movement() -> None:
    assert facts(PAYLOAD) == (
        AccountFact(
            external_id="c1241e5a82b04", name="Steve Rogers", status=AccountStatus.CUSTOMER, email="steve@example.com"
        ),
        MovementFact.model_validate(
            {
                "account_external_id": "c1241e5a82b04",
                "account_name": "Steve Rogers",
                "kind": "expansion",
                "amount_minor": 10000,
                "currency": "USD",
                "mrr_before_minor": 9900,
                "mrr_after_minor": 19900,
                "plan": "Blue",
                "plan_before": "Yellow",
                "description": "switched plan from Yellow to Blue",
                "subscription_external_id": "6882bdd1",
                "occurred_at": "2024-01-02T22:58:44Z",
                "external_id": key(PAYLOAD),
            }
        ),
    )


@pytest.mark.parametrize(
    ("movement_type", "sent", "kind", "kept"),
    [
        ("new_biz", 10000, "new_business", 10000),
        ("new_biz", -10000, "new_business", 10000),
        ("expansion", 10000, "expansion", 10000),
        ("reactivation", 10000, "reactivation", 10000),
        ("contraction", 10000, "contraction", -10000),
        ("contraction", -10000, "contraction", -10000),
        ("churn", 10000, "churn", -10000),
        ("churn", -10000, "churn", -10000),
        ("CHURN", -10000, "churn", -10000),
    ],
)
def test_a_loss_is_negative_whichever_way_it_came(movement_type: str, sent: int, kind: str, kept: int) -> None:
    _, movement = facts(payload(movement_type=movement_type, mrr_movement_in_account_currency=sent))
    assert (movement.kind, movement.amount_minor) == (kind, kept)
    assert movement.mrr_before_minor == 19900 - kept


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("Active", "customer"),
        ("active", "customer"),
        ("PAST DUE", "customer"),
        ("past_due", "customer"),
        ("Cancelled", "churned"),
        ("New Lead", "lead"),
        ("Unqualified Lead", "lead"),
        ("Something new", None),
        (None, None),
        (7, None),
    ],
)
def test_the_customers_status_is_read_whatever_its_case(status: Any, expected: str | None) -> None:
    account, _ = facts(payload({"status": status}))
    assert account.status == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "c1241e5a82b04"),
        ({"external_id": 4711}, "4711"),
        ({"external_id": None, "external_ids": ["", "merged"]}, "merged"),
        ({"external_id": "", "external_ids": None}, "cus_5bd2a63c"),
    ],
)
def test_the_account_is_known_by_the_best_id_there_is(changes: dict[str, Any], expected: str) -> None:
    account, movement = facts(payload(changes))
    assert account.external_id == movement.account_external_id == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "Steve Rogers"),
        ({"name": ""}, "steve@example.com"),
        ({"name": None, "company": "Avengers"}, "Avengers"),
        ({"name": "", "email": "n/a"}, None),
    ],
)
def test_the_account_is_named_by_the_best_name_there_is(changes: dict[str, Any], expected: str | None) -> None:
    account, movement = facts(payload(changes))
    assert account.name == movement.account_name == expected


def test_custom_attributes_are_flattened() -> None:
    custom = {"Country": "Germany", "seats": 16, "tags": ["a", "b"], "crm": {"owner": "dana"}, "gone": None}
    account, _ = facts(payload({"custom_attributes": custom}))
    assert account.attributes == {"Country": "Germany", "seats": 16, "tags": "a, b", "crm.owner": "dana", "gone": None}


@pytest.mark.parametrize(
    ("description", "plan", "plan_before"),
    [
        ("switched plan from Yellow to Blue", "Blue", "Yellow"),
        ("purchased the Silver Monthly plan", "Silver Monthly", None),
        ("cancelled the Silver Monthly plan", None, None),
        ("", None, None),
        (None, None, None),
        (f"purchased the {'x' * 300} plan", None, None),
    ],
)
def test_the_plan_is_read_from_the_description(
    description: str | None, plan: str | None, plan_before: str | None
) -> None:
    _, movement = facts(payload(description=description))
    assert (movement.plan, movement.plan_before) == (plan, plan_before)


def test_mrr_in_another_currency_is_not_mixed_with_the_movement() -> None:
    _, movement = facts(payload({"currency": "EUR"}))
    assert (movement.mrr_before_minor, movement.mrr_after_minor) == (None, None)


def test_amounts_are_taken_in_the_accounts_currency() -> None:
    body = payload(
        {"currency": "EUR", "current_mrr": 18300},
        account_currency="EUR",
        movement_amount_in_cent=10000,
        mrr_movement_in_account_currency=9200,
    )
    _, movement = facts(body)
    assert (movement.amount_minor, movement.currency, movement.mrr_after_minor) == (9200, "EUR", 18300)


@pytest.mark.parametrize(("currency", "kept"), [("USD", 123456), ("JPY", 1235), ("KWD", 1234560), ("jpy", 1235)])
def test_chartmoguls_hundredths_become_the_currencys_own_minor_units(currency: str, kept: int) -> None:
    body = payload({"currency": currency}, account_currency=currency, mrr_movement_in_account_currency=123456)
    _, movement = facts(body)
    assert movement.amount_minor == kept


def test_the_amount_without_a_currency_in_its_name_serves_where_there_is_only_one_currency() -> None:
    assert facts(payload(mrr_movement_in_account_currency=None))[1].amount_minor == 10000
    assert (
        refused(payload(mrr_movement_in_account_currency=None, invoice_currency="EUR")).field
        == "mrr_movement_in_account_currency"
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (payload(type="invoice"), "type"),
        (payload(movement_type="free"), "movement_type"),
        (payload(movement_type=None), "movement_type"),
        (payload(mrr_movement_in_account_currency=0), "mrr_movement_in_account_currency"),
        (payload(mrr_movement_in_account_currency="10000"), "mrr_movement_in_account_currency"),
        (payload(mrr_movement_in_account_currency=100.5), "mrr_movement_in_account_currency"),
        (payload(account_currency=None), "account_currency"),
        (payload(account_currency="Dollars"), "account_currency"),
        (payload(date=None), "date"),
        (payload(date="yesterday"), "date"),
        (payload(subscription="6882"), "subscription"),
        (payload() | {"customer": None}, "customer"),
        (payload({"external_id": None, "external_ids": [], "uuid": None}), "customer.external_id"),
        (payload({"external_id": "x" * 256}), "customer.external_id"),
        (payload({"name": "Nul \0"}), "customer.name"),
        (payload({"custom_attributes": {"k" * 101: 1}}), f"customer.custom_attributes.{'k' * 101}"),
    ],
)
def test_what_is_no_movement_is_refused_by_field(body: dict[str, Any], field: str) -> None:
    got = refused(body)
    assert got.field == field
    assert got.reason.endswith(".")


@pytest.mark.parametrize("body", [{}, {"type": "test"}, {"type": "ping"}])
def test_a_connection_test_brings_nothing(body: dict[str, Any]) -> None:
    assert chartmogul.read(body, received_at=NOW) == Reading()


@pytest.mark.parametrize("body", [None, [], [PAYLOAD], "x", 1])
def test_anything_but_an_object_is_unreadable(body: Any) -> None:
    assert chartmogul.read(body, received_at=NOW).unreadable is not None


def test_the_same_movement_sent_again_has_the_same_key() -> None:
    assert key(PAYLOAD) == key(payload(description="switched plan", date="2024-01-02T22:58:44Z"))


@pytest.mark.parametrize(
    "other",
    [
        payload({"uuid": "cus_other"}),
        payload(subscription={"external_id": "other"}),
        payload(date="2024-01-02T22:58:45.000Z"),
        payload(movement_type="reactivation"),
        payload(mrr_movement_in_account_currency=10001),
    ],
)
def test_a_movement_that_differs_in_what_identifies_it_has_another_key(other: dict[str, Any]) -> None:
    assert key(PAYLOAD) != key(other)


ACTIVITY: dict[str, Any] = {
    "description": "switched plan from Yellow to Blue",
    "activity-mrr-movement": 10000,
    "activity-mrr": 19900,
    "activity-arr": 238800,
    "date": "2024-01-02T17:58:44-05:00",
    "type": "expansion",
    "currency": "USD",
    "subscription-external-id": "6882bdd1",
    "plan-external-id": "blue",
    "customer-name": "Steve Rogers",
    "customer-uuid": "cus_5bd2a63c",
    "customer-external-id": "c1241e5a82b04",
    "billing-connector-uuid": "ds_a246",
    "uuid": "f1a49735",
}


def test_an_activity_says_of_a_movement_what_the_webhook_says_under_the_same_key() -> None:
    read = chartmogul.read_activity(ACTIVITY)
    assert isinstance(read, Received)
    _, movement = facts(PAYLOAD)
    assert (read.dedupe_key, read.occurred_at) == (key(PAYLOAD), movement.occurred_at)
    assert [chartmogul.named(fact, read.dedupe_key) for fact in read.facts] == [movement]


@pytest.mark.parametrize(
    ("changes", "other"),
    [
        ({"type": "churn", "activity-mrr-movement": -10000}, {"movement_type": "churn"}),
        ({"subscription-external-id": None}, {"subscription": None}),
        ({"date": "2024-01-02T22:58:44+00:00"}, {"date": "2024-01-02T22:58:44.731Z"}),
        ({"currency": "JPY"}, {"account_currency": "JPY", "invoice_currency": "JPY"}),
    ],
)
def test_their_keys_are_the_same_however_each_of_them_writes_it(changes: dict[str, Any], other: dict[str, Any]) -> None:
    read = chartmogul.read_activity(ACTIVITY | changes)
    assert isinstance(read, Received)
    assert read.dedupe_key == key(payload(**other))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"type": "merge"}, "type"),
        ({"activity-mrr-movement": 0}, "activity-mrr-movement"),
        ({"activity-mrr-movement": "6000"}, "activity-mrr-movement"),
        ({"currency": None}, "currency"),
        ({"date": "yesterday"}, "date"),
        ({"customer-external-id": None, "customer-uuid": None}, "customer-external-id"),
    ],
)
def test_an_activity_that_is_no_movement_is_refused_by_field(changes: dict[str, Any], field: str) -> None:
    read = chartmogul.read_activity(ACTIVITY | changes)
    assert isinstance(read, Refused)
    assert read.field == field


CUSTOMER_ENTRY: dict[str, Any] = {
    "id": 25647,
    "uuid": "cus_de305d54",
    "external_id": "34916129",
    "name": "Example Company",
    "email": "bob@example.com",
    "status": "Active",
    "customer-since": "2023-06-09T13:16:00-04:00",
    "attributes": {"tags": ["engage", "unit loss"], "stripe": {"uid": 7}, "custom": {"CAC": 213, "pro": False}},
    "chartmogul-url": "https://app.chartmogul.com/#customers/25647-Example_Company",
    "website_url": "https://example.com",
    "owner": "Dana@acme.com",
}


def customer(**changes: Any) -> tuple[AccountFact, list[RoleFact]]:
    read = chartmogul.read_customer(
        CUSTOMER_ENTRY | {name.replace("__", "-"): value for name, value in changes.items()}
    )
    assert isinstance(read, Received), read
    account, *roles = read.facts
    assert isinstance(account, AccountFact)
    return account, [role for role in roles if isinstance(role, RoleFact)]


def test_the_documented_customer_is_an_account_and_its_owner() -> None:
    account, roles = customer()
    assert account == AccountFact.model_validate(
        {
            "external_id": "34916129",
            "name": "Example Company",
            "email": "bob@example.com",
            "status": "customer",
            "website": "https://example.com",
            "url": "https://app.chartmogul.com/#customers/25647-Example_Company",
            "created_at": "2023-06-09T17:16:00Z",
            "attributes": {"tags": "engage, unit loss", "CAC": 213, "pro": False},
        }
    )
    assert roles == [RoleFact(account_external_id="34916129", role="owner", email="dana@acme.com")]


@pytest.mark.parametrize("owner", [None, "", "Dana", 7, {"email": "dana@acme.com"}])
def test_an_owner_without_an_address_is_nobody(owner: Any) -> None:
    assert [role.email for role in customer(owner=owner)[1]] == [None]


def test_of_an_owner_that_is_not_spoken_of_nothing_is_known() -> None:
    read = chartmogul.read_customer({name: value for name, value in CUSTOMER_ENTRY.items() if name != "owner"})
    assert isinstance(read, Received)
    assert len(read.facts) == 1


@pytest.mark.parametrize(
    "odd",
    [
        {"attributes": None},
        {"attributes": {"tags": None, "custom": None}},
        {"attributes": {"tags": "vip", "custom": []}},
        {"email": "n/a"},
        {"customer__since": "long ago"},
        {"chartmogul__url": "javascript:alert(1)"},
        {"status": 7},
    ],
)
def test_what_does_not_fit_is_left_out_and_takes_nothing_else_with_it(odd: dict[str, Any]) -> None:
    account, _ = customer(**odd)
    assert (account.external_id, account.name) == ("34916129", "Example Company")
