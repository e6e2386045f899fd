"""`/slack/events` does only what Slack signed."""

import json
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from bot.sandbox.people import ACME, ADA, REVENUE
from bot.sandbox.signing import signature, signed_headers
from tests.stage import Answer, Stage

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"])

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def opened(event_id: str = "EvOPENED") -> bytes:
    """An event that, if it is taken, publishes Ada's Home tab."""
    event = {"type": "app_home_opened", "user": ADA, "channel": "D1", "tab": "home", "event_ts": "1.1"}
    whole = {"type": "event_callback", "team_id": ACME, "event": event, "event_id": event_id, "event_time": 1}
    return json.dumps(whole).encode()


async def sent(stage: Stage, body: bytes, headers: dict[str, str], *, kind: str = JSON) -> Answer:
    return await stage.post(f"{stage.url}/slack/events", body, kind=kind, headers=headers)


def headers_at(stage: Stage, timestamp: str, body: bytes) -> dict[str, str]:
    signed = signature(stage.slack_app.signing_secret, timestamp, body)
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signed}


async def nothing_was_done(stage: Stage) -> bool:
    return await stage.called("views.publish") == 0 and await stage.called("views.open") == 0


async def test_a_signed_event_is_taken_and_the_same_with_a_broken_signature_is_not(acme: Stage) -> None:
    """The first half proves that the refusals below refuse something that would otherwise be done."""
    now = acme.clock.seconds()
    right = signed_headers(acme.slack_app.signing_secret, opened(), now=now)
    broken = right | {"X-Slack-Signature": right["X-Slack-Signature"][:-1] + "x"}
    assert (await sent(acme, opened(), broken)).status == 401
    assert await nothing_was_done(acme)

    assert (await sent(acme, opened(), right)).status == 200
    assert await acme.called("views.publish") == 1


async def test_what_slack_did_not_sign_is_answered_401_and_nothing_is_done(acme: Stage) -> None:
    body, now = opened(), acme.clock.seconds()
    right = signed_headers(acme.slack_app.signing_secret, body, now=now)
    for headers in (
        {},
        {"X-Slack-Signature": right["X-Slack-Signature"]},
        {"X-Slack-Request-Timestamp": right["X-Slack-Request-Timestamp"]},
        signed_headers("another secret", body, now=now),
        signed_headers(acme.slack_app.signing_secret, b"another body", now=now),
        right | {"X-Slack-Signature": ""},
        right | {"X-Slack-Signature": "v1=" + right["X-Slack-Signature"][3:]},
        right | {"X-Slack-Signature": "v0=é"},
        right | {"X-Slack-Request-Timestamp": str(int(now) + 1)},
    ):
        answer = await sent(acme, body, headers)
        assert (answer.status, answer.json) == (401, {"error": "invalid_signature"}), headers
    assert await nothing_was_done(acme)


async def test_a_timestamp_that_is_none_is_answered_401_even_when_signed(acme: Stage) -> None:
    for timestamp in ("", "now", "1e9", "12.5", "nan", "9" * 400, "-1", "0"):
        answer = await sent(acme, opened(), headers_at(acme, timestamp, opened()))
        assert answer.status == 401, timestamp
    assert await nothing_was_done(acme)


async def test_a_signature_counts_for_five_minutes(acme: Stage) -> None:
    for seconds, status in ((-310, 401), (310, 401), (-290, 200), (290, 200)):
        assert await nothing_was_done(acme) == (seconds != 290)
        body = opened(f"Ev{seconds}")
        signed = signed_headers(acme.slack_app.signing_secret, body, now=acme.clock.seconds() + seconds)
        assert (await sent(acme, body, signed)).status == status, seconds
    assert await acme.called("views.publish") == 2


async def test_a_recorded_request_is_refused_once_it_is_old(acme: Stage) -> None:
    signed = signed_headers(acme.slack_app.signing_secret, opened(), now=acme.clock.seconds())
    acme.clock.ahead = timedelta(minutes=6)
    assert (await sent(acme, opened(), signed)).status == 401


async def test_a_body_that_is_no_text_is_refused(acme: Stage) -> None:
    headers = headers_at(acme, str(int(acme.clock.seconds())), b"")
    assert (await sent(acme, b"\xff\xfe", headers)).status == 401


async def test_the_certificate_check_is_answered_and_does_nothing_whatever_comes_with_it(acme: Stage) -> None:
    command = {"command": "/mrr", "text": "new", "team_id": ACME, "user_id": ADA, "channel_id": REVENUE}
    command["trigger_id"] = acme.trigger()
    assert (await sent(acme, b"ssl_check=1&token=x", {}, kind=FORM)).status == 200
    for smuggled in (
        b"ssl_check=1&" + urlencode(command).encode(),
        b"ssl_check=1&ssl_check=0&" + urlencode(command).encode(),
        urlencode(command).encode() + b"&ssl_check=1",
        b"ssl_check=0&" + urlencode(command).encode(),
        b"ssl_check=1&payload=" + opened(),
    ):
        answer = await sent(acme, smuggled, {}, kind=FORM)
        assert answer.status in {200, 401}
        assert answer.text in {"", '{"error": "invalid_signature"}'}
    assert await nothing_was_done(acme)


async def test_slack_can_verify_the_address_and_nobody_else_can(acme: Stage) -> None:
    assert await acme.sandbox.outbound.verify_url(acme.slack_app)
    body = json.dumps({"type": "url_verification", "challenge": "secret", "token": "x"}).encode()
    answer = await sent(acme, body, {})
    assert answer.status == 401
    assert "secret" not in answer.text


async def test_a_refused_request_is_named_on_the_checklist_until_a_true_one_comes(acme: Stage) -> None:
    await sent(acme, opened(), signed_headers("another secret", opened(), now=acme.clock.seconds()))
    assert "its signature was wrong" in (await acme.get("/")).text
    await acme.slack_sends(opened(), kind=JSON)
    assert "its signature was wrong" not in (await acme.get("/")).text


async def test_a_refused_body_is_not_logged(acme: Stage) -> None:
    await sent(acme, b"text=a-secret-of-acme", {}, kind=FORM)
    assert [line["event"] for line in acme.logs if line["log_level"] == "warning"] == ["slack_signature_refused"]
    assert "a-secret-of-acme" not in str(acme.logs)
