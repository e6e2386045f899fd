"""What an answer means: a table that a reader can check, and properties that hold for whatever comes."""

import builtins
import json
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import client_exceptions
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.errors import SlackApiError, SlackObjectFormationError

from models.delivery import OPEN, DeliveryState
from scheduler import decisions
from scheduler.decisions import (
    GIVE_UP,
    LEAST_ATTEMPTS,
    LIMITED_DEFAULT,
    LIMITED_LEAST,
    LIMITED_MOST,
    RETRY_MOST,
    SLACK_CODES,
    UNFURL_ATTEMPTS,
    Class,
    Decision,
    Effort,
    back_off,
    decide,
    judge_edit,
    judge_look,
    judge_send,
    judge_unfurl,
)
from tests.seeds import NOW

S = DeliveryState
METHODS = Path(__file__).parents[2].parent / "shared" / "contracts" / "slack" / "methods"
CONTRACTS = [
    METHODS / f"{name}.json"
    for name in ("chat.postMessage", "chat.update", "chat.unfurl", "conversations.history", "conversations.open")
]

ANSWERS = tomllib.loads((Path(__file__).parent / "answers.toml").read_text())
CODES = {code: Class(what) for what, codes in ANSWERS["codes"].items() for code in codes.split()}
STATUSES = {
    status: Class(what) for first, last, what in ANSWERS["statuses"]["ranges"] for status in range(first, last + 1)
}
TRANSPORT = {name: Class(what) for what, names in ANSWERS["transport"].items() for name in names.split()}

COMMON = [
    "access_denied", "account_inactive", "deprecated_endpoint", "ekm_access_denied", "enterprise_is_restricted",
    "fatal_error", "internal_error", "invalid_arg_name", "invalid_arguments", "invalid_array_arg", "invalid_auth",
    "invalid_charset", "invalid_form_data", "invalid_json", "invalid_post_type", "json_not_object",
    "method_deprecated", "missing_post_type", "missing_scope", "no_permission", "not_allowed_token_type", "not_authed",
    "org_login_required", "ratelimited", "request_timeout", "service_unavailable", "team_access_not_granted",
    "team_added_to_org", "token_expired", "token_revoked", "two_factor_setup_required", "unknown_method",
]  # fmt: skip
"""The codes that Slack may answer to any method; the lists of the single methods leave them out."""


def refusal(code: str | None = None, *, status: int = 200, **headers: str) -> SlackApiError:
    data: Any = {"ok": False, "error": code} if code else "Bad Gateway"
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return SlackApiError("refused", SimpleNamespace(data=data, status_code=status, headers=named))


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (refusal("not_in_channel"), Class.JOIN),
        (refusal("channel_not_found"), Class.FIX),
        (refusal("is_archived"), Class.FIX),
        (refusal("missing_scope"), Class.FIX),
        (refusal("token_revoked"), Class.HOLD),
        (refusal("account_inactive"), Class.HOLD),
        (refusal("invalid_auth"), Class.HOLD),
        (refusal("invalid_blocks"), Class.PLAIN),
        (refusal("internal_error"), Class.AMBIGUOUS),
        (refusal("fatal_error", status=500), Class.AMBIGUOUS),
        (refusal("ratelimited", status=429), Class.WAIT),
        (refusal("rate_limited"), Class.WAIT),
        (refusal("service_unavailable", status=503), Class.RETRY),
        (refusal("never heard of"), Class.FIX),
        (refusal(status=200), Class.AMBIGUOUS),
        (refusal(status=302), Class.AMBIGUOUS),
        (refusal(status=404), Class.FIX),
        (refusal(status=429), Class.WAIT),
        (refusal(status=500), Class.AMBIGUOUS),
        (refusal(status=502), Class.AMBIGUOUS),
        (refusal(status=503), Class.RETRY),
        (refusal(status=504), Class.AMBIGUOUS),
        (SlackApiError("no response", None), Class.AMBIGUOUS),
        (SlackApiError("bytes", SimpleNamespace(data=b"", status_code=200, headers=None)), Class.AMBIGUOUS),
        (aiohttp.ClientConnectorError(SimpleNamespace(ssl=None, host="h", port=1), OSError("refused")), Class.RETRY),  # type: ignore[arg-type]
        (aiohttp.InvalidURL("http://"), Class.RETRY),
        (aiohttp.ServerDisconnectedError(), Class.AMBIGUOUS),
        (aiohttp.ServerTimeoutError(), Class.AMBIGUOUS),
        (aiohttp.ClientPayloadError(), Class.AMBIGUOUS),
        (ConnectionResetError(), Class.AMBIGUOUS),
        (TimeoutError(), Class.AMBIGUOUS),
        (SlackObjectFormationError(), Class.AMBIGUOUS),
        (AttributeError("'str' object has no attribute 'get'"), Class.AMBIGUOUS),
        (KeyError("ts"), Class.AMBIGUOUS),
    ],
    ids=lambda value: decisions.answer_of(value) if isinstance(value, Exception) else str(value),
)
def test_what_an_error_means(error: Exception, what: Class) -> None:
    assert decide(error, now=NOW).what is what


def _documented() -> set[str]:
    if not METHODS.exists():
        pytest.skip(f"Slack's contracts are not at {METHODS}")
    return {code for path in CONTRACTS for code in json.loads(path.read_text())["errors"]}


def wrong(table: Mapping[str, Decision]) -> set[str]:
    """Give the codes of which a table says something else than the contract."""
    return {code for code, what in CODES.items() if code not in table or table[code].what is not what}


def test_every_code_of_the_contract_means_what_it_says() -> None:
    """Test 9."""
    assert wrong(SLACK_CODES) == set()
    assert SLACK_CODES.keys() == CODES.keys()


@pytest.mark.parametrize(
    ("code", "broken"),
    [
        ("is_archived", Class.PERMANENT),
        ("token_revoked", Class.RETRY),
        ("internal_error", Class.RETRY),
        ("not_in_channel", Class.FIX),
    ],
)
def test_a_table_with_one_wrong_row_is_seen(code: str, broken: Class) -> None:
    """Test 9, its broken variant: the contract is no copy of the table."""
    assert wrong({**SLACK_CODES, code: Decision(broken, "why")}) == {code}
    assert wrong({known: decision for known, decision in SLACK_CODES.items() if known != code}) == {code}


def test_the_contract_names_every_code_that_slack_documents_and_a_few_more() -> None:
    assert len(_documented()) >= 60
    assert CODES.keys() - _documented() - {*COMMON} == {"thread_not_found", "cannot_dm_bot", "users_not_found"}
    assert _documented() | {*COMMON} <= CODES.keys()


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_has_words_for_a_manager(code: str) -> None:
    """Test 9."""
    decision = decide(refusal(code), now=NOW)
    assert decision.reason
    assert not decision.reason.endswith(".")
    assert decision.fix or decision.what not in {Class.FIX, Class.JOIN, Class.HOLD, Class.PERMANENT}
    assert decision.fix is None or decision.fix.endswith(".")
    for judge in (judge_send, judge_edit, judge_look):
        outcome = judge(decision, code, Effort(attempts=1, owed_since=NOW), now=NOW, spread=0)
        is_over = {Class.PERMANENT, Class.PLAIN, Class.OVER} | (
            {Class.FIX, Class.JOIN} if judge is judge_edit else set()
        )
        assert outcome.state in OPEN or decision.what in is_over


def test_every_status_means_what_the_contract_says() -> None:
    """Test 10."""
    assert sorted(STATUSES) == list(range(100, 600))
    assert {status: decide(refusal(status=status), now=NOW).what for status in STATUSES} == STATUSES


@pytest.mark.parametrize("name", sorted(TRANSPORT))
def test_every_transport_error_means_what_the_contract_says(name: str) -> None:
    """Test 10."""
    kind = getattr(client_exceptions, name, None) or getattr(builtins, name)
    assert decide(kind.__new__(kind), now=NOW).what is TRANSPORT[name]


def test_the_contract_names_every_error_that_aiohttp_raises() -> None:
    raised = {
        name
        for name, kind in vars(client_exceptions).items()
        if isinstance(kind, type) and issubclass(kind, aiohttp.ClientError | TypeError)
    }
    assert raised <= TRANSPORT.keys()


@given(status=st.integers(100, 599), code=st.none() | st.text(max_size=20), wait=st.text(max_size=12))
def test_whatever_slack_answers_means_something(status: int, code: str | None, wait: str) -> None:
    decision = decide(refusal(code, status=status, retry_after=wait), now=NOW)
    assert decision.what in Class
    assert (decision.what is Class.WAIT) == (status == 429 or code in {"ratelimited", "rate_limited"})


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("0", 1),
        ("1", 1),
        ("30", 30),
        ("99999", LIMITED_MOST.total_seconds()),
        ("9" * 5000, LIMITED_DEFAULT.total_seconds()),
        ("", 30),
        ("soon", 30),
        ("-5", 30),
        ("1.5", 30),
        ("²", 30),
        ("Mon, 16 Nov 2026 09:00:45 GMT", 45),
        ("Mon, 16 Nov 2026 08:00:00 GMT", 1),
        ("Mon, 16 Nov 2026 10:00:45 -0000", 30),
        ("Mon, 99 Nov 2026 10:00:45 GMT", 30),
    ],
)
def test_retry_after_is_read_in_each_of_its_forms(said: str, seconds: float) -> None:
    """Test 11: in seconds, as a date, or nonsense."""
    decision = decide(refusal("ratelimited", status=429, retry_after=said), now=NOW)
    assert decision.after == timedelta(seconds=seconds)


def test_an_absent_retry_after_means_half_a_minute() -> None:
    """Test 11."""
    assert decide(refusal("ratelimited", status=429), now=NOW).after == LIMITED_DEFAULT
    assert decide(refusal("rate_limited"), now=NOW).after == LIMITED_DEFAULT


@given(said=st.text(max_size=30) | st.integers().map(str))
def test_no_retry_after_makes_us_hurry_or_wait_for_ever(said: str) -> None:
    after = decide(refusal("ratelimited", status=429, retry_after=said), now=NOW).after
    assert after is not None
    assert LIMITED_LEAST <= after <= LIMITED_MOST


@given(attempts=st.integers(1, 10**6), spread=st.floats(0, 1))
def test_waits_grow_to_a_bound_and_are_spread_by_a_tenth(attempts: int, spread: float) -> None:
    """Test 28."""
    wait, plain = back_off(attempts, spread=spread), back_off(attempts, spread=0)
    assert timedelta(seconds=2) <= plain <= wait <= plain * 1.1
    assert plain <= back_off(attempts + 1, spread=0) <= RETRY_MOST


def test_a_day_of_waits_is_about_a_hundred_tries() -> None:
    """Test 28."""
    tries, waited = 0, timedelta()
    while waited < GIVE_UP:
        tries += 1
        waited += back_off(tries, spread=0)
    assert 90 < tries < 120


@given(
    what=st.sampled_from(Class),
    attempts=st.integers(1, 1000),
    age=st.timedeltas(min_value=timedelta(), max_value=timedelta(days=100)),
)
def test_nothing_is_given_up_before_a_day_and_its_own_tries(what: Class, attempts: int, age: timedelta) -> None:
    """Test 28."""
    effort = Effort(attempts=attempts, owed_since=NOW - age)
    outcome = judge_send(Decision(what, "why", "what"), "answer", effort, now=NOW, spread=1)
    is_enough = attempts >= LEAST_ATTEMPTS and age > GIVE_UP
    if what in {Class.PLAIN, Class.OVER, Class.PERMANENT}:
        assert outcome.state is S.FAILED
    elif what in {Class.WAIT, Class.HOLD}:
        assert outcome.state is S.RETRYING
    else:
        assert (outcome.state is S.FAILED) == is_enough
    assert outcome.due_at >= NOW
    assert (outcome.reason, outcome.fix, outcome.answer) == ("why", "what", "answer")


@pytest.mark.parametrize("what", Class)
def test_a_look_that_fails_never_makes_a_message_go_out_unmarked(what: Class) -> None:
    effort = Effort(attempts=1, owed_since=NOW)
    outcome = judge_look(Decision(what, "why"), "answer", effort, now=NOW, spread=0)
    if outcome.state is S.RETRYING:
        assert outcome.may_be_repeat
        assert what in {Class.FIX, Class.JOIN, Class.PLAIN, Class.OVER, Class.PERMANENT}
    else:
        assert outcome.state is S.AMBIGUOUS


@given(what=st.sampled_from(Class), attempts=st.integers(1, 5))
def test_an_unfurl_is_never_ambiguous_and_given_up_after_two_quick_attempts(what: Class, attempts: int) -> None:
    effort = Effort(attempts=attempts, owed_since=NOW)
    outcome = judge_unfurl(Decision(what, "why"), "answer", effort, now=NOW)
    if what in {Class.WAIT, Class.HOLD}:
        assert outcome.state is S.RETRYING
    else:
        is_over = what is Class.PERMANENT or attempts >= UNFURL_ATTEMPTS
        assert outcome.state is (S.FAILED if is_over else S.RETRYING)
        assert outcome.due_at - NOW <= timedelta(seconds=1)
