"""How listeners are run: in time, for the right workspace, once, and with a sentence for the person when they fail.

Slack repeats an event that was answered 500, so a failing event listener answers just that. It never repeats a command,
an action or a submission, and a submission without an answer closes the form and loses what was typed; these answer 200
with a sentence.
"""

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
import structlog
from slack_bolt.async_app import AsyncApp, AsyncBoltContext
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers import people
from handlers.desk import Desk, Visitor
from handlers.envelope import is_of_organisation
from handlers.slack_code import TOKEN_LOST, slack_code
from handlers.views import answers
from handlers.views.answers import Answer
from handlers.views.blocks import View
from models.base import UserError
from models.person import NotManagerError, NotMemberError

log = structlog.get_logger()

TIME_LIMIT = 2.5
"""Seconds; Slack gives up after 3."""
LAST_WORDS = 0.4
"""Seconds that are left for telling a person that something failed."""

TOO_LONG = "That took too long, and may not have been done. Look in Runrate's Home tab before you try again."
GRANT_LOST = "Slack no longer accepts Runrate's token in this workspace. Ask an admin to install Runrate again."
ELSEWHERE = "That belongs to another workspace's Runrate. Use the one in your own workspace."

Listener = TypeVar("Listener", bound=Callable[..., Awaitable[Any]])


def limited(listener: Listener) -> Listener:
    """Give a listener 2.5 seconds."""

    @functools.wraps(listener)
    async def in_time(*args: Any, **kwargs: Any) -> Any:
        async with asyncio.timeout(TIME_LIMIT):
            return await listener(*args, **kwargs)

    return in_time  # type: ignore[return-value]


def prepare(app: AsyncApp, desk: Desk) -> None:
    """Put the desk and the visitor before every listener, and answer for those that fail."""

    async def introduce(context: AsyncBoltContext, body: dict[str, Any], next_: Callable[[], Awaitable[Any]]) -> Any:
        if body.get("type") == "app_rate_limited":
            log.warning("events_limited_by_slack", workspace_id=body.get("team_id"))
            return BoltResponse(status=200)
        visitor = Visitor(context.team_id or context.enterprise_id or "", context.user_id or "")
        is_nowhere = context.team_id is None and not is_of_organisation(body)
        if is_nowhere or await _is_from_elsewhere(body, context, desk, visitor):
            await _say(_refusal("Not possible", ELSEWHERE), body, context)
            return BoltResponse(status=200)
        context["desk"] = desk
        context["visitor"] = visitor
        await next_()
        return None

    app.use(introduce)
    app.error(answer_failure)


async def _is_from_elsewhere(body: Mapping[str, Any], context: AsyncBoltContext, desk: Desk, visitor: Visitor) -> bool:
    """Say whether somebody of another company pressed a button, in a channel shared by Slack Connect.

    In an organisation people are at home in one workspace and members of several; there Slack is asked.
    """
    user = body.get("user")
    home = user.get("team_id") if isinstance(user, dict) else None
    if home in {None, visitor.workspace_id} or body.get("type") == "event_callback":
        return False
    if context.enterprise_id is None:
        return True
    return (await people.who(desk, context.client, visitor)).is_guest


@dataclass(frozen=True)
class Reply:
    """What a person is told, as a message or as a modal, whichever the moment allows; and under a form's field."""

    answer: Answer
    view: View
    text: str


async def answer_failure(error: Exception, body: dict[str, Any], context: AsyncBoltContext) -> BoltResponse | None:
    """Answer for a listener that raised."""
    if body.get("type") == "event_callback":
        return _answer_event(error, str(body.get("event", {}).get("type")))
    done = context.ack.response
    if done is not None and body.get("type") != "block_actions":
        # What was asked for is done and answered; only something after it failed, such as showing the Home tab again.
        log.warning("listener_failed_after_answering", kind=body.get("type") or "command", exc_info=error)
        return done
    reply = _reply(error, body)
    if body.get("command"):
        return _json(reply.answer)
    match body.get("type"):
        case "view_submission":
            return _json(_refused_submission(body["view"], reply, error))
        case "block_suggestion":
            return _json({"options": []})
        case "block_actions":
            await _say(reply, body, context)
    return BoltResponse(status=200)


def _answer_event(error: Exception, event_type: str) -> BoltResponse | None:
    """Have Slack send an event again, unless that would be refused again: a new installation asks for what it needs."""
    if _is_without_token(error):
        log.warning("event_without_token", event_type=event_type)
        return BoltResponse(status=200)
    log.error("event_listener_failed", event_type=event_type, exc_info=error)
    return None


def _reply(error: Exception, body: Mapping[str, Any]) -> Reply:
    """Choose the words: those of an expected refusal, or our excuse for anything else."""
    match error:
        case NotManagerError():
            answer = answers.not_a_manager(error.manager_ids)
            return Reply(answer, answers.not_a_manager_view(error.manager_ids), answer["text"])
        case NotMemberError():
            answer = answers.not_a_member(error.manager_ids)
            return Reply(answer, answers.not_a_member_view(error.manager_ids), answer["text"])
        case UserError():
            text, title = str(error), "Not possible"
        case SlackApiError() if _is_without_token(error):
            log.warning("listener_without_token", kind=body.get("type") or "command")
            text, title = GRANT_LOST, "Not possible"
        case TimeoutError():
            log.warning("listener_took_too_long", kind=body.get("type") or "command")
            text, title = TOO_LONG, "That took too long"
        case _:
            log.error("listener_failed", kind=body.get("type") or "command", exc_info=error)
            text, title = answers.FAILED, "That didn't work"
    return _refusal(title, text)


def _is_without_token(error: Exception) -> bool:
    return isinstance(error, SlackApiError) and slack_code(error) in TOKEN_LOST


def _refusal(title: str, text: str) -> Reply:
    return Reply(answers.sentence(text), answers.sentence_view(title, text), text)


def _refused_submission(view: Mapping[str, Any], reply: Reply, error: Exception) -> dict[str, Any]:
    """Keep the form with the sentence under its first field; a form without fields gives way to the sentence."""
    errors = answers.failed_view_errors(view, reply.text)
    if errors is not None and not isinstance(error, NotManagerError | NotMemberError):
        return {"response_action": "errors", "errors": errors}
    return {"response_action": "update", "view": reply.view}


async def _say(reply: Reply, body: Mapping[str, Any], context: AsyncBoltContext) -> None:
    """Tell a person who pressed a button why nothing happens, if Slack lets us in time."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(LAST_WORDS):
            await tell(reply, body, context, context.client)


async def tell(reply: Reply, body: Mapping[str, Any], context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Tell a person who pressed a button: beside the message, over the form, or in a modal over the Home tab."""
    view = body.get("view")
    if view is None:
        if context.respond is not None:
            await context.respond(**reply.answer, replace_original=False)
    elif view.get("type") == "modal":
        await client.views_push(trigger_id=body["trigger_id"], view=reply.view)
    else:
        await client.views_open(trigger_id=body["trigger_id"], view=reply.view)


def _json(body: Mapping[str, Any]) -> BoltResponse:
    return BoltResponse(status=200, body=orjson.dumps(body).decode(), headers={"Content-Type": "application/json"})
