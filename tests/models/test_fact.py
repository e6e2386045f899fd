"""Facts: what may enter the inbox, and in what form it is kept."""

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.fact import (
    AccountFact,
    AliasFact,
    ContactFact,
    ErasureFact,
    Fact,
    MovementFact,
    RecordFact,
    RoleFact,
    SignalFact,
    SubscriptionFact,
    TrackFact,
    dump_facts,
    read_facts,
    read_instant,
)

MOVEMENT = {
    "account_external_id": "acct_42",
    "kind": "expansion",
    "amount_minor": 42000,
    "currency": "USD",
    "occurred_at": "2026-11-20T14:02:00Z",
}
ACCOUNT = {"external_id": "a"}
ROLE = {"account_external_id": "a", "role": "owner", "email": None}
SUBSCRIPTION = {
    "external_id": "sub_9",
    "account_external_id": "acct_42",
    "mrr_minor": 0,
    "currency": "USD",
    "starts_at": "2026-11-20",
    "as_of": "2026-11-20",
}
SIGNAL = {"account_external_id": "a", "kind": "funding", "text": "Series B", "occurred_at": "2026-11-20"}
TRACK = {"event": "Signed Up", "payload": {}, "occurred_at": "2026-11-20"}
FACTS: tuple[Fact, ...] = (
    AccountFact(external_id="acct_42", attributes={"seats": 16, "trial": False, "score": 0.5, "plan": None, "é": "𝔛"}),
    ContactFact(email="dana@example.com"),
    RoleFact(account_external_id="acct_42", role="owner", email=None),
    MovementFact.model_validate(MOVEMENT),
)


def refused(fact: type[Any], **values: Any) -> tuple[str, str]:
    with pytest.raises(ValidationError) as caught:
        fact.model_validate(values)
    first = caught.value.errors()[0]
    return ".".join(map(str, first["loc"])), first["type"]


def test_facts_survive_being_stored_as_json() -> None:
    stored = orjson.loads(orjson.dumps(dump_facts(FACTS)))
    assert read_facts(stored) == FACTS


def test_a_stored_fact_has_only_what_was_said() -> None:
    assert dump_facts([RoleFact(account_external_id="acct_42", role="Owner", email=None)]) == [
        {"type": "role", "account_external_id": "acct_42", "role": "owner", "email": None}
    ]


def test_a_fact_of_an_unknown_type_can_not_be_read() -> None:
    with pytest.raises(ValidationError):
        read_facts([{"type": "rumour"}])


def test_texts_are_stripped_and_blank_ones_count_as_not_said() -> None:
    account = AccountFact.model_validate({"external_id": " acct_42 ", "name": "  ", "domain": " example.com\n"})
    assert account == AccountFact(external_id="acct_42", name=None, domain="example.com")


def test_numbers_serve_as_ids() -> None:
    assert AccountFact.model_validate({"external_id": 42}).external_id == "42"


def test_emails_and_currencies_take_one_form() -> None:
    assert ContactFact(email=" Dana@Example.COM ").email == "dana@example.com"
    assert MovementFact.model_validate(MOVEMENT | {"currency": " usd "}).currency == "USD"


@pytest.mark.parametrize(
    ("fact", "values", "expected"),
    [
        (AccountFact, {}, ("external_id", "missing")),
        (AccountFact, {"external_id": " "}, ("external_id", "string_too_short")),
        (AccountFact, {"external_id": True}, ("external_id", "string_type")),
        (AccountFact, {"external_id": "a" * 256}, ("external_id", "string_too_long")),
        (AccountFact, {"external_id": "a", "name": "nul\0"}, ("name", "not_storable")),
        (AccountFact, {"external_id": "a", "name": "half \ud83d"}, ("name", "not_storable")),
        (AccountFact, {"external_id": "a", "status": "vip"}, ("status", "enum")),
        (AccountFact, {"external_id": "a", "email": "n/a"}, ("email", "not_an_email")),
        (AccountFact, {"external_id": "a", "url": "javascript:alert(1)"}, ("url", "not_a_link")),
        (AccountFact, {"external_id": "a", "description": "d" * 2001}, ("description", "string_too_long")),
        (AccountFact, {"external_id": "a", "created_at": "soon"}, ("created_at", "not_an_instant")),
        (AccountFact, {"external_id": "a", "created_at": "1989-12-31"}, ("created_at", "instant_out_of_range")),
        (AccountFact, {"external_id": "a", "created_at": "2100-01-01"}, ("created_at", "instant_out_of_range")),
        (AccountFact, {"external_id": "a", "seats": 3}, ("seats", "extra_forbidden")),
        (AccountFact, {"external_id": "a", "attributes": {"tags": ["b"]}}, ("attributes.tags", "not_a_scalar")),
        (AccountFact, {"external_id": "a", "attributes": {"n": math.nan}}, ("attributes.n", "not_finite")),
        (AccountFact, {"external_id": "a", "attributes": {"n": math.inf}}, ("attributes.n", "not_finite")),
        (AccountFact, {"external_id": "a", "attributes": {"n": 2**64}}, ("attributes.n", "integer_too_large")),
        (
            AccountFact,
            {"external_id": "a", "attributes": {"k" * 101: 1}},
            (f"attributes.{'k' * 101}.[key]", "string_too_long"),
        ),
        (AccountFact, {"external_id": "a", "attributes": {"": 1}}, ("attributes..[key]", "string_too_short")),
        (AccountFact, {"external_id": "a", "attributes": {"t": "x" * 1001}}, ("attributes.t", "string_too_long")),
        (AccountFact, {"external_id": "a", "attributes": {str(n): n for n in range(201)}}, ("attributes", "too_long")),
        (ContactFact, {"name": "Dana Reyes"}, ("", "nobody")),
        (RoleFact, {"account_external_id": "a", "role": "owner"}, ("email", "missing")),
        (RoleFact, {"account_external_id": "a", "role": "r" * 61, "email": None}, ("role", "string_too_long")),
        (MovementFact, MOVEMENT | {"kind": "upsell"}, ("kind", "enum")),
        (MovementFact, MOVEMENT | {"amount_minor": 0}, ("amount_minor", "wrong_sign")),
        (MovementFact, MOVEMENT | {"amount_minor": -1}, ("amount_minor", "wrong_sign")),
        (MovementFact, MOVEMENT | {"kind": "churn"}, ("amount_minor", "wrong_sign")),
        (MovementFact, MOVEMENT | {"amount_minor": 420.0}, ("amount_minor", "int_type")),
        (MovementFact, MOVEMENT | {"amount_minor": "42000"}, ("amount_minor", "int_type")),
        (MovementFact, MOVEMENT | {"amount_minor": True}, ("amount_minor", "int_type")),
        (MovementFact, MOVEMENT | {"amount_minor": 10**15 + 1}, ("amount_minor", "less_than_equal")),
        (MovementFact, MOVEMENT | {"currency": "USB"}, ("currency", "not_a_currency")),
        (MovementFact, MOVEMENT | {"occurred_at": None}, ("occurred_at", "not_an_instant")),
        (MovementFact, MOVEMENT | {"occurred_at": True}, ("occurred_at", "not_an_instant")),
        (
            MovementFact,
            MOVEMENT | {"kind": "churn", "amount_minor": -(10**15) - 1},
            ("amount_minor", "greater_than_equal"),
        ),
        (MovementFact, MOVEMENT | {"mrr_after_minor": 0.5}, ("mrr_after_minor", "int_type")),
        (MovementFact, MOVEMENT | {"currency": 840}, ("currency", "string_type")),
        (MovementFact, MOVEMENT | {"url": "https:///nowhere"}, ("url", "not_a_link")),
        (MovementFact, MOVEMENT | {"url": f"https://a.example/{'u' * 2000}"}, ("url", "string_too_long")),
        (AccountFact, ACCOUNT | {"external_id": 4.2}, ("external_id", "string_type")),
        (AccountFact, ACCOUNT | {"email": "two@words@"}, ("email", "not_an_email")),
        (AccountFact, ACCOUNT | {"email": f"{'e' * 255}@b.c"}, ("email", "not_an_email")),
        (AccountFact, ACCOUNT | {"attributes": []}, ("attributes", "dict_type")),
        (AccountFact, ACCOUNT | {"attributes": {"n": -(2**63) - 1}}, ("attributes.n", "integer_too_large")),
        (AccountFact, ACCOUNT | {"attributes": {"t": "nul\0"}}, ("attributes.t", "not_storable")),
        (AccountFact, ACCOUNT | {"attributes": {"k\0": 1}}, ("attributes.k\0.[key]", "not_storable")),
        (AliasFact, {"previous_id": "a_1"}, ("user_id", "missing")),
        (AliasFact, {"previous_id": " ", "user_id": "u_1"}, ("previous_id", "string_too_short")),
        (ErasureFact, {}, ("", "nobody")),
        (RoleFact, ROLE | {"role": " "}, ("role", "string_too_short")),
        (RoleFact, ROLE | {"email": "Dana"}, ("email", "not_an_email")),
        (RecordFact, ACCOUNT | {"roles": {"owner": "Dana"}}, ("roles.owner", "not_an_email")),
        (SubscriptionFact, SUBSCRIPTION | {"mrr_minor": -1}, ("mrr_minor", "greater_than_equal")),
        (SubscriptionFact, SUBSCRIPTION | {"ends_at": "2026-11-19"}, ("ends_at", "ends_first")),
        (SubscriptionFact, SUBSCRIPTION | {"starts_at": None}, ("starts_at", "not_an_instant")),
        (SignalFact, SIGNAL | {"kind": "rumour"}, ("kind", "enum")),
        (SignalFact, SIGNAL | {"text": " "}, ("", "nothing_said")),
        (TrackFact, TRACK | {"event": ""}, ("event", "string_too_short")),
        (TrackFact, TRACK | {"payload": []}, ("payload", "dict_type")),
    ],
)
def test_what_does_not_fit_is_refused_by_field(
    fact: type[Any], values: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert refused(fact, **values) == expected


@pytest.mark.parametrize(
    ("fact", "values"),
    [
        (AccountFact, {"external_id": "a" * 255}),
        (AccountFact, {"external_id": 2**64 - 1}),
        (AccountFact, ACCOUNT | {"name": "🎉" * 255}),
        (AccountFact, ACCOUNT | {"status": "churned"}),
        (AccountFact, ACCOUNT | {"status": " "}),
        (AccountFact, ACCOUNT | {"email": f"{'e' * 251}@b.c"}),
        (AccountFact, ACCOUNT | {"url": "HTTP://a.example"}),
        (AccountFact, ACCOUNT | {"description": "d" * 2000}),
        (AccountFact, ACCOUNT | {"created_at": "1990-01-01T00:00:00Z"}),
        (AccountFact, ACCOUNT | {"created_at": "2099-12-31T23:59:59.999999Z"}),
        (AccountFact, ACCOUNT | {"attributes": {"k" * 100: "x" * 1000, "n": -(2**63), "m": 2**64 - 1, "f": 1e308}}),
        (AccountFact, ACCOUNT | {"attributes": {str(number): None for number in range(200)}}),
        (AliasFact, {"previous_id": "a_1", "user_id": "u_1"}),
        (ContactFact, {"anonymous_id": "a_1"}),
        (ErasureFact, {"email": "dana@example.com"}),
        (RoleFact, ROLE | {"role": "r" * 60, "email": "dana@example.com"}),
        (RecordFact, ACCOUNT | {"roles": {"owner": "dana@example.com", "csm": None}}),
        (MovementFact, MOVEMENT | {"amount_minor": 10**15, "currency": "jpy", "mrr_before_minor": 0}),
        (MovementFact, MOVEMENT | {"kind": "churn", "amount_minor": -(10**15)}),
        (MovementFact, MOVEMENT | {"url": f"https://a.example/{'u' * 1982}"}),
        (SubscriptionFact, SUBSCRIPTION | {"ends_at": "2026-11-20"}),
        (SignalFact, SIGNAL | {"text": None, "person": "Sofia Marín"}),
        (TrackFact, TRACK),
    ],
)
def test_what_just_fits_is_taken(fact: type[Any], values: dict[str, Any]) -> None:
    (stored,) = orjson.loads(orjson.dumps(dump_facts([fact.model_validate(values)])))
    assert read_facts([stored]) == (fact.model_validate(values),)


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-20T14:02:00Z",
        "2026-11-20T14:02:00.000Z",
        "2026-11-20t14:02:00z",
        "2026-11-20T15:02:00+01:00",
        "2026-11-20T15:02:00+0100",
        "2026-11-20T14:02:00.000000000Z",
        "2026-11-20 14:02:00 UTC",
        "2026-11-20T14:02:00",
        "20261120T140200Z",
        1795183320,
        1795183320.0,
        1795183320000,
        "1795183320",
        datetime(2026, 11, 20, 15, 2, tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_an_instant_is_read_in_many_forms(written: Any) -> None:
    assert read_instant(written) == datetime(2026, 11, 20, 14, 2, tzinfo=UTC)


@pytest.mark.parametrize("written", ["", "soon", "2026-13-01", None, True, [], math.nan, 10**30, "9" * 5000])
def test_what_is_no_instant_is_none(written: Any) -> None:
    assert read_instant(written) is None


@settings(deadline=None)
@given(st.text() | st.integers() | st.floats() | st.datetimes())
def test_reading_an_instant_never_fails(written: Any) -> None:
    instant = read_instant(written)
    assert instant is None or instant.tzinfo is UTC
