"""What an answer to a send means. The table is data: every code that we know, and a safe default for those we don't."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus

import aiohttp
from slack_sdk.errors import SlackApiError

from models import channel
from models.delivery import OPEN, DeliveryState, Outcome, SkipReason

RETRY_FIRST = timedelta(seconds=2)
RETRY_MOST = timedelta(minutes=15)
GIVE_UP = timedelta(hours=24)
LEAST_ATTEMPTS = 10
UNFURL_ATTEMPTS = 2
EDIT_ATTEMPTS = 3
"""How often something is tried to be told by changing a message, before it is posted."""
UNFURL_AGAIN = timedelta(seconds=1)
LIMITED_LEAST = timedelta(seconds=1)
LIMITED_DEFAULT = timedelta(seconds=30)
LIMITED_MOST = timedelta(minutes=15)

OUR_FAULT = "This is a fault in Runrate. Please report it with the delivery's id."
REINSTALL = "Reinstall Runrate from its set-up page; everything that waits is then sent."


class Class(StrEnum):
    """What is done next."""

    RETRY = "retry"
    """Nothing was posted. Try again soon."""
    WAIT = "wait"
    """Slack says when."""
    JOIN = "join"
    """Enter the channel first, where we may."""
    FIX = "fix needed"
    """A person has to do something. Keep trying, slower and slower."""
    HOLD = "hold"
    """Our token is not accepted any more. Send nothing in this workspace until it is installed again."""
    PLAIN = "plain"
    """Send the plainer form: the workspace may not have charts yet, or Slack can't fetch a picture. Where there is none
    such, this is permanent."""
    OVER = "over"
    """The posted message that was meant can't be changed, or isn't there any more."""
    PERMANENT = "permanent"
    """It will never work."""
    AMBIGUOUS = "ambiguous"
    """It may have been posted. Look, before anything is sent again."""


@dataclass(frozen=True)
class Decision:
    """A class with the cause in words that a manager reads after “I can't post to #revenue:”, and the fix."""

    what: Class
    reason: str
    fix: str | None = None
    after: timedelta | None = None


NOT_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
    aiohttp.ServerFingerprintMismatch,
)
"""What goes wrong before anything has left, unless Slack itself sent us there."""

SLOWER = Decision(Class.WAIT, "Slack asks us to send slower", after=LIMITED_DEFAULT)
PERHAPS_POSTED = Decision(Class.AMBIGUOUS, "Slack had an error and may have posted the message")
BROKEN_OFF = Decision(Class.AMBIGUOUS, "the connection broke before Slack answered")
UNAVAILABLE = Decision(Class.RETRY, "Slack is not available")
UNREACHABLE = Decision(Class.RETRY, "Slack can't be reached")
UNKNOWN = Decision(Class.FIX, "Slack refused the message", "See the code in the delivery's attempts.")
NOT_UNDERSTOOD = Decision(Class.FIX, "Slack doesn't understand Runrate's request", OUR_FAULT)
REFUSED_FORM = Decision(Class.PERMANENT, "Slack refused the message's form", OUR_FAULT)
THREAD_GONE = Decision(Class.OVER, "the message was deleted")
LINK_GONE = Decision(Class.PERMANENT, "the message with the link is gone", "Nothing has to be done.")
NOT_OPENED = Decision(Class.RETRY, "Slack didn't open their conversation")
CANNOT_BE_MADE = Decision(Class.PERMANENT, "the message could not be made", OUR_FAULT)
TOKEN_UNREADABLE = Decision(
    Class.FIX,
    "Runrate can't read its own token for this workspace",
    "Add the key that it was written with to the end of RUNRATE_SECRET_KEYS, or reinstall Runrate.",
)

GONE = ("message_not_found", "thread_not_found")
"""Slack's answers where the message that was meant isn't there."""

NO_THREAD = (
    *GONE,
    "cannot_reply_to_message",
    "restricted_action_thread_locked",
    "restricted_action_non_threadable_channel",
)
"""Slack's answers where nothing can be told under a message."""

_TABLE = (
    ("ratelimited rate_limited", SLOWER),
    (
        "not_in_channel",
        Decision(Class.JOIN, "I'm not in the channel", "Type @Runrate in the channel and press “Invite Them”."),
    ),
    (
        "channel_not_found",
        Decision(Class.FIX, *channel.UNSEEN),
    ),
    ("is_archived", Decision(Class.FIX, *channel.ARCHIVED)),
    (
        "restricted_action",
        Decision(
            Class.FIX, "only some people may post in the channel", "Let Runrate post there, or choose another channel."
        ),
    ),
    (
        "restricted_action_read_only_channel",
        Decision(Class.FIX, "the channel is read-only", "Let Runrate post there, or choose another channel."),
    ),
    (
        "restricted_action_thread_only_channel",
        Decision(
            Class.FIX, "the channel takes answers in threads only", "Allow messages there, or choose another channel."
        ),
    ),
    (
        "restricted_action_non_threadable_channel restricted_action_thread_locked cannot_reply_to_message",
        Decision(Class.FIX, "the channel takes no answers in threads", "Allow them, or choose another channel."),
    ),
    (
        "channel_is_limited_access",
        Decision(Class.FIX, "access to the channel is limited", "Let Runrate in, or choose another channel."),
    ),
    ("missing_scope", Decision(Class.FIX, "Runrate lacks a permission in Slack", REINSTALL)),
    ("no_permission", Decision(Class.FIX, "Slack doesn't let Runrate post there", REINSTALL)),
    (
        "app_access_restricted access_denied",
        Decision(Class.FIX, "an admin restricted who may use Runrate", "Ask a Slack admin to allow Runrate here."),
    ),
    (
        "ekm_access_denied",
        Decision(
            Class.FIX,
            "your company's key management suspended posting",
            "Ask whoever manages Slack's encryption keys.",
        ),
    ),
    (
        "enterprise_is_restricted",
        Decision(Class.FIX, "your Slack organisation restricts Runrate", "Ask an admin of it to allow Runrate."),
    ),
    (
        "two_factor_setup_required",
        Decision(
            Class.FIX,
            "Slack wants two-factor authentication set up first",
            "Let whoever installed Runrate set it up, then reinstall Runrate from its set-up page.",
        ),
    ),
    (
        "team_access_not_granted team_not_found",
        Decision(
            Class.FIX,
            "Runrate is not granted to this workspace",
            "Ask an admin of your Slack organisation to add it.",
        ),
    ),
    (
        "message_limit_exceeded",
        Decision(
            Class.FIX,
            "the workspace has reached Slack's limit of messages",
            "Ask a Slack admin to look at the plan's limits.",
        ),
    ),
    (
        "messages_tab_disabled",
        Decision(
            Class.FIX,
            "the Messages tab of the Slack app is switched off",
            "Switch it on under “App Home” in the app's settings at api.slack.com.",
        ),
    ),
    (
        "token_revoked token_expired account_inactive invalid_auth not_authed",
        Decision(Class.HOLD, "Slack no longer accepts Runrate's token", REINSTALL),
    ),
    ("org_login_required", Decision(Class.HOLD, "the workspace is moving to another organisation", REINSTALL)),
    ("team_added_to_org", Decision(Class.HOLD, "the workspace moved to another organisation", REINSTALL)),
    ("invalid_blocks", Decision(Class.PLAIN, "Slack refused the message's form", OUR_FAULT)),
    (
        """
        invalid_blocks_format invalid_arguments markdown_text_conflict too_many_attachments missing_file_data
        as_user_not_supported send_on_behalf_not_allowed too_many_contact_cards draft_already_deleted
        draft_already_sent draft_has_conflict draft_not_found duplicate_channel_not_found
        duplicate_message_not_found slack_connect_canvas_sharing_blocked slack_connect_file_link_sharing_blocked
        slack_connect_lists_sharing_blocked
        """,
        REFUSED_FORM,
    ),
    (
        """
        cannot_auth_user cannot_find_service cannot_parse_attachment invalid_unfurls_format invalid_source
        missing_channel missing_source missing_ts missing_unfurl_id missing_unfurls
        """,
        REFUSED_FORM,
    ),
    (
        """
        deprecated_endpoint invalid_arg_name invalid_array_arg invalid_charset invalid_form_data invalid_json
        invalid_post_type json_not_object method_deprecated missing_post_type not_allowed_token_type
        unknown_method invalid_cursor invalid_metadata_filter_keys invalid_ts_latest invalid_ts_oldest
        """,
        NOT_UNDERSTOOD,
    ),
    (
        "invalid_metadata_format invalid_metadata_schema metadata_must_be_sent_from_app",
        Decision(Class.PERMANENT, "Slack refused the message's metadata", OUR_FAULT),
    ),
    (
        "msg_too_long msg_blocks_too_long metadata_too_large attachment_payload_limit_exceeded",
        Decision(Class.PERMANENT, "Slack refused the message as too long", OUR_FAULT),
    ),
    (
        "cannot_find_channel cannot_find_message cannot_unfurl_message invalid_unfurl_id cannot_prompt",
        LINK_GONE,
    ),
    (
        "cannot_unfurl_url",
        Decision(
            Class.RETRY,
            "Slack doesn't let Runrate show anything under the link",
            "Reinstall Runrate, and look whether an admin forbids previews of its address.",
        ),
    ),
    (
        """
        blocked_file_type file_deleted file_is_deleted file_not_found file_share_limit_reached invalid_attachments
        max_file_sharing_exceeded posting_to_channel_denied slack_connect_blocked_file_type
        slack_connect_clip_sharing_blocked slack_connect_file_upload_sharing_blocked unable_to_share_files
        """,
        REFUSED_FORM,
    ),
    (
        """
        block_mismatch cant_broadcast_message cant_update_message edit_window_closed external_channel_migrating
        is_inactive no_dual_broadcast_content_update streaming_state_conflict
        """,
        Decision(Class.OVER, "Slack doesn't let the message be changed any more"),
    ),
    (" ".join(GONE), THREAD_GONE),
    ("update_failed", Decision(Class.RETRY, "Slack could not change the message")),
    (
        "user_disabled",
        Decision(Class.FIX, "one of them left this Slack workspace", "Choose the people of the group anew."),
    ),
    (
        "user_not_found users_not_found",
        Decision(Class.FIX, "Slack doesn't know one of them", "Choose the people of the group anew."),
    ),
    (
        "user_not_visible",
        Decision(Class.FIX, "Runrate may not see one of them", "Choose full members of this Slack workspace."),
    ),
    (
        "invalid_user_combination",
        Decision(Class.FIX, "one of them belongs to another company", "Choose people of your own."),
    ),
    (
        "not_enough_users too_many_users",
        Decision(Class.FIX, "Slack has no group DM for so many people", "Choose 2 to 8 people for it."),
    ),
    ("cannot_dm_bot", Decision(Class.FIX, "an app reads no direct messages", "Choose a person.")),
    ("users_list_not_supplied method_not_supported_for_channel_type", NOT_UNDERSTOOD),
    ("no_text", Decision(Class.PERMANENT, "Slack refused the message as empty", OUR_FAULT)),
    ("internal_error fatal_error", PERHAPS_POSTED),
    ("request_timeout", Decision(Class.RETRY, "Slack did not read our request in time")),
    ("service_unavailable", UNAVAILABLE),
)

SLACK_CODES: dict[str, Decision] = {code: decision for codes, decision in _TABLE for code in codes.split()}
"""What Slack's codes mean; one that isn't listed is `UNKNOWN`."""


class NotOpenedError(Exception):
    """The conversation of a group could not be opened, so that nothing was posted; the cause says why."""


def answer_of(error: BaseException) -> str:
    """Name an error for the ledger: Slack's code, `http 503`, or the transport error's kind. Never its text."""
    if isinstance(error, NotOpenedError) and error.__cause__ is not None:
        return answer_of(error.__cause__)
    if isinstance(error, SlackApiError):
        return code_of(error) or f"http {status_of(error)}"
    return type(error).__name__


def code_of(error: SlackApiError) -> str | None:
    """Give Slack's error code, if the answer was one of Slack's."""
    data = getattr(error.response, "data", None)
    return data.get("error") if isinstance(data, dict) else None


def status_of(error: SlackApiError) -> int:
    """Give the HTTP status of the answer; 0 where there was none."""
    response = error.response
    return int(getattr(response, "status_code", None) or getattr(response, "status", 0) or 0)


def decide(error: BaseException, *, now: datetime) -> Decision:
    """Say what an error means for the message that was being sent. One that we don't know may follow its arrival."""
    if isinstance(error, NotOpenedError) and error.__cause__ is not None:
        found = decide(error.__cause__, now=now)
        return NOT_OPENED if found.what is Class.AMBIGUOUS else found
    if isinstance(error, SlackApiError):
        return _decide_answer(error, now=now)
    if isinstance(error, NOT_SENT) and not isinstance(error, aiohttp.RedirectClientError):
        return UNREACHABLE
    return BROKEN_OFF


def _decide_answer(error: SlackApiError, *, now: datetime) -> Decision:
    code, status = code_of(error), status_of(error)
    if status == HTTPStatus.TOO_MANY_REQUESTS or SLACK_CODES.get(code or "") is SLOWER:
        return replace(SLOWER, after=_retry_after(error, now=now))
    if code is not None:
        return SLACK_CODES.get(code, UNKNOWN)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return UNAVAILABLE
    return UNKNOWN if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR else PERHAPS_POSTED


def _retry_after(error: SlackApiError, *, now: datetime) -> timedelta:
    """Read `Retry-After`: seconds or a date; what is neither is half a minute. A second is the least that is waited."""
    headers = getattr(error.response, "headers", None) or {}
    value = str(headers.get("Retry-After") or headers.get("retry-after") or "")
    try:
        until: datetime = now + timedelta(seconds=int(value)) if value.isdecimal() else parsedate_to_datetime(value)
        wait: timedelta = until - now
    except (ValueError, TypeError, OverflowError):
        return LIMITED_DEFAULT
    return min(max(wait, LIMITED_LEAST), LIMITED_MOST)


def back_off(attempts: int, *, spread: float) -> timedelta:
    """Say how long to wait after so many attempts: doubling, bounded, spread by up to a tenth (`spread` in 0..1)."""
    base = min(RETRY_FIRST * (1 << min(attempts - 1, 20)), RETRY_MOST)
    return base * (1 + spread / 10)


@dataclass(frozen=True, kw_only=True)
class Effort:
    """What a delivery has cost so far: how often it was tried, and since when it is owed."""

    attempts: int
    owed_since: datetime

    def is_enough(self, *, now: datetime) -> bool:
        """Say whether it may be given up. What waited for something else, such as a reinstall, gets its own tries."""
        return self.attempts >= LEAST_ATTEMPTS and now - self.owed_since > GIVE_UP


def judge_send(decision: Decision, answer: str, effort: Effort, *, now: datetime, spread: float) -> Outcome:
    """Turn what a failed send was answered into the delivery's next state."""
    again, wait = DeliveryState.RETRYING, back_off(effort.attempts, spread=spread)
    match decision.what:
        case Class.WAIT:
            state, wait = again, decision.after or LIMITED_DEFAULT
        case Class.HOLD:
            state, wait = again, timedelta()
        case Class.PERMANENT | Class.PLAIN | Class.OVER:
            state = DeliveryState.FAILED
        case Class.AMBIGUOUS:
            state = DeliveryState.FAILED if effort.is_enough(now=now) else DeliveryState.AMBIGUOUS
        case Class.RETRY | Class.FIX | Class.JOIN:
            state = DeliveryState.FAILED if effort.is_enough(now=now) else again
    return Outcome(state=state, answer=answer, due_at=now + wait, reason=decision.reason, fix=decision.fix)


def judge_unfurl(decision: Decision, answer: str, effort: Effort, *, now: datetime) -> Outcome:
    """Turn what a failed unfurl was answered into its next state: tried twice, since repeating it harms nobody.

    A token that isn't accepted, or a limit, says nothing about the unfurl; it waits, and becomes stale if that is long.
    """
    match decision.what:
        case Class.WAIT | Class.HOLD:
            state, wait = DeliveryState.RETRYING, decision.after or timedelta()
        case Class.PERMANENT:
            state, wait = DeliveryState.FAILED, timedelta()
        case _:
            is_last = effort.attempts >= UNFURL_ATTEMPTS
            state, wait = DeliveryState.FAILED if is_last else DeliveryState.RETRYING, UNFURL_AGAIN
    return Outcome(state=state, answer=answer, due_at=now + wait, reason=decision.reason, fix=decision.fix)


def judge_edit(decision: Decision, answer: str, effort: Effort, *, now: datetime, spread: float) -> Outcome:
    """Turn what a refused edit was answered into its next state. Repeating one harms nobody.

    What it was to show was told before, or will be by the next one: one that can't be made is no failure to people.
    """
    judged = replace(judge_send(decision, answer, effort, now=now, spread=spread), fix=None)
    match decision.what:
        case Class.WAIT | Class.HOLD:
            return judged
        case Class.PERMANENT | Class.PLAIN:
            return replace(judged, fix=decision.fix)
        case Class.RETRY | Class.AMBIGUOUS if judged.state in OPEN:
            return replace(judged, state=DeliveryState.RETRYING)
        case _:
            reason = SkipReason.DELETED if answer in GONE else SkipReason.STALE
            return replace(judged, state=DeliveryState.SKIPPED, reason=reason)


def is_elsewhere(decision: Decision, answer: str, effort: Effort, *, is_edit: bool) -> bool:
    """Say whether something is told elsewhere: it can't be by changing that message, or else not in that thread."""
    if not is_edit:
        return answer in NO_THREAD
    match decision.what:
        case Class.WAIT | Class.HOLD:
            return False
        case Class.RETRY | Class.AMBIGUOUS:
            return effort.attempts >= EDIT_ATTEMPTS
        case _:
            return True


def judge_look(decision: Decision, answer: str, effort: Effort, *, now: datetime, spread: float) -> Outcome:
    """Turn what a failed look into Slack was answered into the delivery's next state.

    It stays ambiguous while a later look may tell. Where Slack doesn't let us look it is sent, and may be a repeat.
    """
    match decision.what:
        case Class.FIX | Class.JOIN | Class.PLAIN | Class.OVER | Class.PERMANENT:
            return Outcome(state=DeliveryState.RETRYING, answer=answer, due_at=now, may_be_repeat=True)
        case _:
            judged = judge_send(decision, answer, effort, now=now, spread=spread)
            return replace(judged, state=DeliveryState.AMBIGUOUS) if judged.state in OPEN else judged
