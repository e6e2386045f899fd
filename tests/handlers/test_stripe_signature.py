"""Stripe's signature: what its own library signs, we take; what we would sign, it takes; and nothing else counts."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.vendors.stripe import signature as vendors_signature
from handlers.senders.stripe_signature import TOLERANCE, fault, sign

SECRET, OLD = "whsec_new", "whsec_old"
NOW = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
AT = int(NOW.timestamp())
BODY = '{"id":"evt_1","object":"event","type":"customer.created","data":{"object":{"object":"customer"}}}'


def header(body: str = BODY, *, secret: str = SECRET, at: int = AT) -> str:
    made: str = stripe.WebhookSignature.generate_signature_header(body, secret, at)
    return made


def refused(signature: str | None, *, body: str = BODY, secrets: tuple[str, ...] = (SECRET,)) -> str | None:
    found = fault(body.encode(), signature=signature, secrets=secrets, now=NOW)
    return found and found.error


def test_what_the_library_signs_is_taken_and_a_changed_body_is_not() -> None:
    assert refused(header()) is None
    assert refused(header(), body=BODY.replace("evt_1", "evt_2")) == "wrong_signature"
    assert refused(header(secret="whsec_anothers")) == "wrong_signature"


def test_what_we_sign_the_library_takes() -> None:
    at = int(time.time())
    ours = f"t={at},v1={sign(BODY.encode(), at, SECRET)}"
    assert ours == vendors_signature(BODY, SECRET, at)
    assert stripe.Webhook.construct_event(BODY, ours, SECRET).id == "evt_1"
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(BODY, ours, OLD)


@settings(max_examples=50, deadline=None)
@given(body=st.dictionaries(st.text(), st.text() | st.floats(allow_nan=False)).map(json.dumps), at=st.integers(0, AT))
def test_the_library_and_we_sign_alike(body: str, at: int) -> None:
    assert header(body, at=at) == f"t={at},v1={sign(body.encode(), at, SECRET)}"


@pytest.mark.parametrize(
    ("age", "error"), [(0, None), (TOLERANCE.seconds, None), (TOLERANCE.seconds + 1, "signature_too_old"), (-60, None)]
)
def test_a_signature_counts_for_five_minutes(age: int, error: str | None) -> None:
    assert refused(header(at=AT - age)) == error


def test_while_a_secret_is_rolled_each_of_several_signatures_may_fit_each_of_several_secrets() -> None:
    both = f"{header(secret=OLD)},v1={sign(BODY.encode(), AT, SECRET)}"
    assert refused(both, secrets=(SECRET,)) is None
    assert refused(both, secrets=(OLD,)) is None
    assert refused(header(secret=OLD), secrets=(SECRET, OLD)) is None
    assert refused(header(secret=OLD), secrets=(SECRET,)) == "wrong_signature"


def test_without_a_secret_nothing_is_taken_and_the_answer_says_what_to_do() -> None:
    found = fault(BODY.encode(), signature=header(), secrets=(), now=NOW)
    assert found is not None
    assert (found.status, found.error) == (401, "no_signing_secret")
    assert "enter it with the source in Runrate's Home tab" in found.message


GOOD = header()
_, V1 = GOOD.split(",")


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        V1,
        f"t={AT}",
        f"t=,{V1}",
        f"t=x,{V1}",
        f"t={AT}.0,{V1}",
        f"t=-{AT},{V1}",
        f"t={'9' * 5000},{V1}",
        f"t={AT + 1},{V1}",
        f"t={AT},{V1.replace('v1', 'v0')}",
        f"t={AT},{V1[:-1]}",
        f"t={AT},{V1.upper()}",
        f"t={AT},v1=é\udc80",
        "=,=,==",
    ],
)
def test_a_header_that_is_none_of_stripes_is_refused(signature: str | None) -> None:
    assert refused(GOOD) is None
    assert refused(signature) == "wrong_signature"


def test_a_signature_of_long_ago_stays_refused_whatever_the_time() -> None:
    late = fault(BODY.encode(), signature=GOOD, secrets=(SECRET,), now=NOW + timedelta(days=400))
    assert late is not None
    assert (late.status, late.error) == (401, "signature_too_old")
