"""Kind `segment`, by webhook: the bytes that Segment's ChartMogul destination was seen to send."""

from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.senders import segment
from handlers.senders.reading import Reading, Received, Refused
from models.fact import AccountFact, ContactFact

NOW = datetime(2026, 8, 20, 10, 0, 1, tzinfo=UTC)
CONTACT: dict[str, Any] = {
    "type": "Send Contact",
    "message_id": "ajs-next-1",
    "timestamp": "2026-08-20T10:00:00.123Z",
    "sent_at": "2026-08-20T10:00:00.500Z",
    "user_id": "u_1",
    "anonymous_id": "507f191e810c19729de860ea",
    "email": "ada@example.com",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "name": "Ada Lovelace",
    "title": "VP Engineering",
    "phone": "+1-555-0100",
    "linked_in": "https://www.linkedin.com/in/ada",
    "twitter": "@ada",
    "company": {"id": "acct_42", "name": "Analytical Engines"},
}
CUSTOMER: dict[str, Any] = {
    "type": "Send Customer",
    "message_id": "ajs-next-2",
    "timestamp": "2026-08-20T10:00:00.123Z",
    "sent_at": "2026-08-20T10:00:00.500Z",
    "user_id": "u_1",
    "group_id": "acct_42",
    "name": "Analytical Engines",
    "description": "Difference engines",
    "email": "billing@example.com",
    "website": "https://example.com",
    "created_at": "2025-01-05T00:00:00Z",
    "address": {"street": "1 Main St", "city": "London", "state": "LDN", "postal_code": "N1", "country": "GB"},
}


def received(body: dict[str, Any]) -> Received:
    (only,) = segment.read(body, received_at=NOW).records
    assert isinstance(only, Received), only
    return only


def refused(body: dict[str, Any]) -> Refused:
    (only,) = segment.read(body, received_at=NOW).records
    assert isinstance(only, Refused), only
    return only


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def test_send_contact_is_a_contact_and_its_company() -> None:
    got = received(CONTACT)
    assert (got.kind, got.dedupe_key) == ("send_contact", "send_contact:ajs-next-1")
    assert got.occurred_at == datetime(2026, 8, 20, 10, 0, 0, 123000, tzinfo=UTC)
    assert got.facts == (
        AccountFact(external_id="acct_42", name="Analytical Engines"),
        ContactFact(
            user_id="u_1",
            anonymous_id="507f191e810c19729de860ea",
            email="ada@example.com",
            first_name="Ada",
            last_name="Lovelace",
            title="VP Engineering",
            phone="+1-555-0100",
            twitter="@ada",
            linked_in="https://www.linkedin.com/in/ada",
            account_external_id="acct_42",
            account_name="Analytical Engines",
        ),
    )


def test_send_customer_is_an_account_and_who_joined_it() -> None:
    got = received(CUSTOMER)
    assert (got.kind, got.dedupe_key) == ("send_customer", "send_customer:ajs-next-2")
    assert got.facts == (
        AccountFact(
            external_id="acct_42",
            name="Analytical Engines",
            description="Difference engines",
            email="billing@example.com",
            website="https://example.com",
            created_at=datetime(2025, 1, 5, tzinfo=UTC),
            attributes={
                "address.street": "1 Main St",
                "address.city": "London",
                "address.state": "LDN",
                "address.postal_code": "N1",
                "address.country": "GB",
            },
        ),
        ContactFact(user_id="u_1", account_external_id="acct_42", account_name="Analytical Engines"),
    )


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ((), (None, "Ada", "Lovelace")),
        (("last_name",), (None, "Ada", None)),
        (("first_name",), (None, None, "Lovelace")),
        (("first_name", "last_name"), ("Ada Lovelace", None, None)),
    ],
)
def test_a_full_name_counts_only_where_first_and_last_are_missing(
    missing: tuple[str, ...], expected: tuple[str | None, ...]
) -> None:
    contact = received(without(CONTACT, *missing)).facts[-1]
    assert isinstance(contact, ContactFact)
    assert (contact.name, contact.first_name, contact.last_name) == expected


def test_the_least_that_segment_sends_is_a_contact() -> None:
    least = {name: CONTACT[name] for name in ("type", "message_id", "timestamp", "sent_at", "user_id", "anonymous_id")}
    assert received(least).facts == (ContactFact(user_id="u_1", anonymous_id="507f191e810c19729de860ea"),)
    lead = without(least, "user_id") | {"email": "lead@example.org"}
    assert received(lead).facts == (ContactFact(anonymous_id="507f191e810c19729de860ea", email="lead@example.org"),)


def test_a_customer_without_a_user_is_an_account_alone() -> None:
    assert len(received(without(CUSTOMER, "user_id")).facts) == 1


def test_an_email_that_is_none_stays_an_attribute() -> None:
    contact = received(CONTACT | {"email": "n/a"}).facts[-1]
    assert isinstance(contact, ContactFact)
    assert (contact.email, contact.attributes) == (None, {"email": "n/a"})


def test_the_connection_test_brings_nothing() -> None:
    assert segment.read({}, received_at=NOW) == Reading()


def test_one_message_mapped_to_both_actions_is_two_events() -> None:
    customer = CUSTOMER | {"message_id": CONTACT["message_id"]}
    assert received(CONTACT).dedupe_key != received(customer).dedupe_key


def test_without_a_message_id_the_content_tells_repeats() -> None:
    anonymous = without(CONTACT, "message_id")
    assert received(anonymous).dedupe_key == received(dict(reversed(anonymous.items()))).dedupe_key
    assert received(anonymous).dedupe_key != received(anonymous | {"title": "CTO"}).dedupe_key


@pytest.mark.parametrize("timestamp", [None, "soon", "1970-01-01T00:00:00Z", "2030-01-01T00:00:00Z", 7])
def test_a_senseless_time_is_replaced_by_that_of_receiving(timestamp: Any) -> None:
    assert received(CONTACT | {"timestamp": timestamp}).occurred_at == NOW


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "identification", "userId": "u_1"}, "type"),
        ({"batch": []}, "type"),
        (without(CONTACT, "user_id", "anonymous_id", "email"), "user_id"),
        (CONTACT | {"user_id": "u" * 256}, "user_id"),
        (CONTACT | {"company": {"id": "c" * 256}}, "company.id"),
        (CONTACT | {"k" * 101: "new"}, "k" * 101),
        (CONTACT | {"title": "VP\0"}, "title"),
        (without(CUSTOMER, "group_id"), "group_id"),
        (CUSTOMER | {"group_id": " "}, "group_id"),
    ],
)
def test_what_is_neither_is_refused_by_field(body: dict[str, Any], field: str) -> None:
    got = refused(body)
    assert got.field == field
    assert got.reason.endswith(".")


@pytest.mark.parametrize("body", [None, "x", 1, True])
def test_anything_but_an_object_or_an_array_is_unreadable(body: Any) -> None:
    assert segment.read(body, received_at=NOW).unreadable is not None
