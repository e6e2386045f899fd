"""Segment's tracking API: what each call becomes, as the specification and real clients send it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers.senders import tracking
from handlers.senders.reading import Received, Refused
from models.fact import AccountFact, ContactFact, TrackFact

NOW = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
IDENTIFY: dict[str, Any] = {
    "type": "identify",
    "messageId": "m-1",
    "userId": "u_1",
    "anonymousId": None,
    "timestamp": "2026-11-20T14:02:00.000+00:00",
    "traits": {"email": "ada@example.com", "firstName": "Ada", "lastName": "Lovelace", "name": "Ada Lovelace"},
}
GROUP: dict[str, Any] = {
    "type": "group",
    "messageId": "m-2",
    "userId": "u_1",
    "groupId": "acct_42",
    "traits": {
        "name": "Analytical Engines",
        "website": "https://example.com",
        "domain": "example.com",
        "description": "Difference engines",
        "email": "billing@example.com",
        "createdAt": "2025-01-05T00:00:00Z",
        "plan": "enterprise",
        "employees": 329,
        "address": {"city": "London", "country": "GB"},
        "id": "acct_42",
    },
}


def judged(call: str, body: Any) -> Received | Refused:
    (only,) = tracking.read(call, body, received_at=NOW).records
    return only


def received(call: str, body: Any) -> Received:
    only = judged(call, body)
    assert isinstance(only, Received), only
    return only


def refused(call: str, body: Any) -> Refused:
    only = judged(call, body)
    assert isinstance(only, Refused), only
    return only


def contact(body: dict[str, Any]) -> ContactFact:
    fact = received("identify", body).facts[-1]
    assert isinstance(fact, ContactFact)
    return fact


def identify(traits: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return IDENTIFY | {"traits": traits} | changes


def test_identify_is_a_contact() -> None:
    got = received("identify", IDENTIFY)
    assert (got.kind, got.dedupe_key) == ("identify", "identify:m-1")
    assert got.facts == (ContactFact(user_id="u_1", email="ada@example.com", first_name="Ada", last_name="Lovelace"),)


@pytest.mark.parametrize(
    ("traits", "expected"),
    [
        ({"firstName": "Ada", "lastName": "Lovelace"}, {"first_name": "Ada", "last_name": "Lovelace"}),
        ({"first_name": "Ada", "last_name": "Lovelace"}, {"first_name": "Ada", "last_name": "Lovelace"}),
        ({"name": "Ada Lovelace"}, {"name": "Ada Lovelace"}),
        ({"name": "Ada Lovelace", "firstName": "Ada"}, {"first_name": "Ada"}),
        ({"title": "VP", "phone": 5550100, "twitter": "@ada"}, {"title": "VP", "phone": "5550100", "twitter": "@ada"}),
        ({"linkedIn": "in/ada"}, {"linked_in": "in/ada"}),
        ({"linked_in": "in/ada"}, {"linked_in": "in/ada"}),
        ({"id": "u_1", "plan": "pro", "logins": 5}, {"attributes": {"plan": "pro", "logins": 5}}),
        ({"address": {"geo": {"lat": 1.5}}, "age": 36}, {"attributes": {"address.geo.lat": 1.5, "age": 36}}),
        ({"tags": ["a", 1, True, None, {"b": 2}, ["c"]]}, {"attributes": {"tags": 'a, 1, true, {"b":2}, c'}}),
        ({"plan": None, "empty": {}, "none": []}, {"attributes": {"plan": None, "none": ""}}),
        ({"bio": "x" * 1200}, {"attributes": {"bio": "x" * 999 + "…"}}),
        ({"email": "n/a"}, {"attributes": {"email": "n/a"}}),
        ({"title": {"en": "VP"}}, {"attributes": {"title.en": "VP"}}),
        ({"name": "n" * 300}, {"attributes": {"name": "n" * 300}}),
        ({"company": "Analytical"}, {"account_name": "Analytical"}),
        ({"company": {"name": "A", "plan": "pro"}}, {"account_name": "A", "attributes": {"company.plan": "pro"}}),
        ({"company": ["a"]}, {"attributes": {"company": "a"}}),
    ],
)  # fmt: skip
def test_traits_become_fields_and_the_rest_attributes(traits: dict[str, Any], expected: dict[str, Any]) -> None:
    assert contact(identify(traits)) == ContactFact(user_id="u_1", **expected)


def test_traits_lie_over_the_contexts_traits() -> None:
    """RudderStack's library sends an identify's traits in the context alone."""
    body = identify({"plan": "pro"}, context={"traits": {"plan": "free", "email": "ada@example.com"}})
    assert contact(body) == ContactFact(user_id="u_1", email="ada@example.com", attributes={"plan": "pro"})
    del body["traits"]
    assert contact(body).attributes == {"plan": "free"}


def test_a_company_with_an_id_is_an_account() -> None:
    company = {"id": 42, "name": "Analytical", "industry": "Engines", "employee_count": 329, "plan": "pro"}
    account, person = received("identify", identify({"company": company})).facts
    assert account == AccountFact(
        external_id="42",
        name="Analytical",
        attributes={"industry": "Engines", "employee_count": 329, "plan": "pro"},
    )
    assert person == ContactFact(user_id="u_1", account_external_id="42", account_name="Analytical")


@pytest.mark.parametrize("name", ["groupId", "group_id"])
def test_a_group_in_the_context_ties_the_contact_to_its_account(name: str) -> None:
    facts = received("identify", identify({}, context={name: "acct_42"})).facts
    assert facts == (AccountFact(external_id="acct_42"), ContactFact(user_id="u_1", account_external_id="acct_42"))


def test_group_is_an_account_and_who_joined_it() -> None:
    got = received("group", GROUP)
    assert (got.kind, got.dedupe_key) == ("group", "group:m-2")
    assert got.facts == (
        AccountFact(
            external_id="acct_42",
            name="Analytical Engines",
            domain="example.com",
            email="billing@example.com",
            website="https://example.com",
            description="Difference engines",
            created_at=datetime(2025, 1, 5, tzinfo=UTC),
            attributes={"plan": "enterprise", "employees": 329, "address.city": "London", "address.country": "GB"},
        ),
        ContactFact(user_id="u_1", account_external_id="acct_42", account_name="Analytical Engines"),
    )


def test_a_group_of_an_anonymous_visitor_is_an_account_alone() -> None:
    (account,) = received("group", GROUP | {"userId": None, "anonymousId": "a_1"}).facts
    assert isinstance(account, AccountFact)


def test_the_contexts_traits_of_a_group_describe_who_joined() -> None:
    account, person = received("group", GROUP | {"context": {"traits": {"email": "ada@example.com"}}}).facts
    assert isinstance(account, AccountFact)
    assert account.email == "billing@example.com"
    assert isinstance(person, ContactFact)
    assert person.email == "ada@example.com"


@pytest.mark.parametrize(
    ("created", "expected", "attributes"),
    [
        ("2025-01-05", datetime(2025, 1, 5, tzinfo=UTC), {}),
        (1736035200, datetime(2025, 1, 5, tzinfo=UTC), {}),
        ("last year", None, {"createdAt": "last year"}),
    ],
)
def test_a_creation_time_that_is_none_stays_an_attribute(
    created: Any, expected: datetime | None, attributes: dict[str, Any]
) -> None:
    account = received("group", GROUP | {"traits": {"createdAt": created}}).facts[0]
    assert isinstance(account, AccountFact)
    assert (account.created_at, account.attributes) == (expected, attributes)


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("page", {"name": "Pricing"}),
        ("screen", {}),
        ("alias", {"previousId": "undefined"}),
    ],
)
def test_other_calls_are_events_without_facts(call: str, body: dict[str, Any]) -> None:
    got = received(call, {"userId": "u_1", "messageId": "m-3", **body})
    assert (got.kind, got.dedupe_key, got.facts) == (call, f"{call}:m-3", ())


@pytest.mark.parametrize("context", [{"traits": {"plan": "pro"}}, {"groupId": "acct_42"}])
def test_a_track_call_updates_whom_its_context_describes(context: dict[str, Any]) -> None:
    got = received("track", {"userId": "u_1", "event": "Signed In", "context": context})
    assert isinstance(got.facts[-2], ContactFact)


def test_a_track_call_keeps_what_a_message_may_be_made_of() -> None:
    properties = {"name": "Ada", "items": [{"sku": 1}]}
    got = received("track", {"userId": "u_1", "event": "Order Completed", "properties": properties, "integrations": {}})
    [fact] = got.facts
    assert isinstance(fact, TrackFact)
    assert fact.event == "Order Completed"
    assert fact.payload["properties"] == properties
    assert set(fact.payload) == {"type", "event", "userId", "properties", "timestamp", "context"}


@pytest.mark.parametrize(
    ("call", "body", "field"),
    [
        ("identify", {}, "userId"),
        ("identify", {"userId": None, "anonymousId": None}, "userId"),
        ("identify", {"userId": "", "anonymousId": "  "}, "userId"),
        ("track", {"userId": "u_1"}, "event"),
        ("group", {"userId": "u_1"}, "groupId"),
        ("alias", {"userId": "u_1"}, "previousId"),
        ("identify", {"userId": "u" * 256}, "userId"),
        ("identify", {"userId": "u_1", "traits": {"plan": "pro\0"}}, "traits.plan"),
        ("identify", {"userId": "u_1", "traits": {"k" * 101: 1}}, f"traits.{'k' * 101}"),
        ("identify", {"userId": "u_1", "traits": {str(number): number for number in range(201)}}, "traits"),
        ("identify", {"userId": "u_1", "traits": {"company": {"id": "c" * 256}}}, "traits.company.id"),
        ("track", {"userId": "u_1", "event": "Big", "properties": {"blob": "x" * 33_000}}, "event"),
        ("batch", {"batch": [{"userId": "u_1"}]}, "type"),
        ("batch", {"batch": [{"userId": "u_1", "type": "delete"}]}, "type"),
        ("batch", {"batch": ["identify"]}, "record"),
    ],
)
def test_what_can_not_be_taken_is_refused_by_field(call: str, body: dict[str, Any], field: str) -> None:
    got = refused(call, body)
    assert got.field == field
    assert got.reason.endswith(".")


def test_a_call_without_any_id_gets_segments_own_code() -> None:
    assert refused("identify", {"traits": {}}).reason.startswith("no_user_anon_id: ")


@pytest.mark.parametrize(("size", "is_taken"), [(32 * 1024, True), (32 * 1024 + 1, False)])
def test_an_event_has_at_most_32_kb(size: int, is_taken: bool) -> None:
    empty = '{"event":"e","properties":"","type":"track","userId":"u_1"}'
    event = {"type": "track", "event": "e", "userId": "u_1", "properties": "x" * (size - len(empty))}
    assert isinstance(judged("batch", {"batch": [event]}), Received) is is_taken


def test_a_batch_is_read_event_by_event() -> None:
    batch = {"batch": [IDENTIFY, {"type": "group", "userId": "u_1", "messageId": "m-9"}, GROUP]}
    reading = tracking.read("batch", batch, received_at=NOW)
    assert [record.kind for record in reading.received] == ["identify", "group"]
    assert [(record.record, record.id, record.field) for record in reading.refused] == [(1, "m-9", "groupId")]


def test_the_batchs_context_lies_under_the_events_own() -> None:
    shared = {"groupId": "acct_42", "traits": {"plan": "free"}}
    events = [IDENTIFY, IDENTIFY | {"context": {"groupId": "acct_43"}}]
    reading = tracking.read("batch", {"batch": events, "context": shared}, received_at=NOW)
    accounts = [record.facts[0] for record in reading.received]
    assert accounts == [AccountFact(external_id="acct_42"), AccountFact(external_id="acct_43")]
    person = reading.received[1].facts[1]
    assert isinstance(person, ContactFact)
    assert person.attributes == {"plan": "free"}


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ([], 400, "not_an_object"),
        ({}, 400, "no_batch"),
        ({"batch": {}}, 400, "no_batch"),
        ({"batch": [IDENTIFY] * 2501}, 413, "too_many_events"),
    ],
)
def test_a_batch_that_is_none_is_refused_whole(body: Any, status: int, error: str) -> None:
    unreadable = tracking.read("batch", body, received_at=NOW).unreadable
    assert unreadable is not None
    assert (unreadable.status, unreadable.error) == (status, error)


@pytest.mark.parametrize(
    ("timestamp", "sent_at", "expected"),
    [
        ("2026-11-20T14:00:00Z", None, NOW.replace(minute=0)),
        ("2026-11-20T14:00:00Z", "2026-11-20T14:05:00Z", NOW.replace(minute=0)),
        # The sender's clock is an hour behind; the event happened ten seconds before it was sent.
        ("2026-11-20T13:04:50Z", "2026-11-20T13:05:00Z", NOW - timedelta(seconds=10)),
        # An hour ahead.
        ("2026-11-20T15:04:50+00:00", "2026-11-20T15:05:00.000Z", NOW - timedelta(seconds=10)),
        # A backfill keeps its distance.
        ("2025-11-20T14:05:00Z", "2026-11-20T14:05:00Z", NOW - timedelta(days=365)),
        ("2026-11-20 14:00:00 UTC", "2026-11-20T14:05:00.000000000Z", NOW.replace(minute=0)),
        ("2027-01-01T00:00:00Z", None, NOW),
        ("0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z", NOW),
        ("soon", "2026-11-20T14:05:00Z", NOW),
        (None, None, NOW),
    ],
)
def test_the_senders_clock_is_corrected(timestamp: Any, sent_at: Any, expected: datetime) -> None:
    event = {"type": "page", "userId": "u_1", "timestamp": timestamp}
    assert received("page", event | {"sentAt": sent_at}).occurred_at == expected
    assert received("batch", {"batch": [event], "sentAt": sent_at}).occurred_at == expected


def test_without_a_message_id_the_content_tells_repeats() -> None:
    dated = {"userId": "u_1", "event": "Signed In", "timestamp": "2026-11-20T14:00:00Z"}
    again = {"sentAt": "2026-11-20T14:09:00Z", **dated}
    assert received("track", dated).dedupe_key == received("track", again).dedupe_key
    assert received("track", dated).dedupe_key != received("track", dated | {"event": "Signed Out"}).dedupe_key


def test_without_a_message_id_and_a_time_the_same_words_may_be_news() -> None:
    body = {"userId": "u_1", "traits": {"plan": "pro"}}
    later = tracking.read("identify", body, received_at=NOW + timedelta(days=1)).received[0]
    assert received("identify", body).dedupe_key != later.dedupe_key
