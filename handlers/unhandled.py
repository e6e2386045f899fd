"""What nobody else handles: 200 for Slack, and a helpful sentence for a person. Registered last."""

import re
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.desk import Desk, Visitor
from handlers.listening import Reply, limited, tell
from handlers.slack_code import slack_code
from handlers.views import answers
from models import slack_event, welcome

log = structlog.get_logger()

ANYTHING = re.compile(".*")


def register(app: AsyncApp) -> None:
    """Listen to everything that is left."""
    app.event("app_mention")(limited(mentioned))
    app.event(ANYTHING)(limited(event_left))
    app.command(ANYTHING)(limited(command_left))
    app.action(ANYTHING)(limited(action_left))
    app.view(ANYTHING)(limited(view_left))
    app.view_closed(ANYTHING)(limited(acknowledged))
    app.options(ANYTHING)(limited(options_left))
    app.shortcut(ANYTHING)(limited(acknowledged))


async def mentioned(
    event: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Answer a mention: the first in a channel by the welcome, any other to its author alone.

    Where Slack refuses, as in a channel that we left since, let it be.
    """
    async with desk.database.write() as session:
        if await slack_event.is_known(session, visitor.workspace_id, body["event_id"]):
            return
        if await welcome.owe(session, visitor.workspace_id, event["channel"], now=desk.now()):
            await slack_event.is_first(session, visitor.workspace_id, body["event_id"], now=desk.now())
            return
    answer = answers.mentioned()
    try:
        await client.chat_postEphemeral(
            channel=event["channel"], user=visitor.user_id, text=answer["text"], blocks=answer["blocks"]
        )
    except SlackApiError as error:
        if slack_code(error) is None:
            raise
        log.info("mention_unanswered", workspace_id=visitor.workspace_id, answer=slack_code(error))
    async with desk.database.write() as session:
        await slack_event.is_first(session, visitor.workspace_id, body["event_id"], now=desk.now())


async def event_left(event: dict[str, Any]) -> None:
    """Take note of an event that means nothing to us."""
    log.info("event_unhandled", event_type=event.get("type"))


async def command_left(ack: AsyncAck, command: dict[str, Any]) -> None:
    """Say what there is."""
    log.info("command_unhandled", command=command.get("command"))
    await ack(**answers.usage())


async def action_left(ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Say that a button of an old message means nothing any more; a link's button needs no answer."""
    await ack()
    if all("url" in action for action in body.get("actions", [])):
        return
    view = answers.sentence_view("Nothing to do", answers.UNKNOWN_BUTTON)
    reply = Reply(answers.sentence(answers.UNKNOWN_BUTTON), view, answers.UNKNOWN_BUTTON)
    await tell(reply, body, context, client)


async def view_left(ack: AsyncAck, view: dict[str, Any]) -> None:
    """Keep a form that nobody reads any more open, and say so."""
    log.info("view_unhandled", callback_id=view.get("callback_id"))
    await ack(response_action="update", view=answers.sentence_view("Nothing to do", answers.UNKNOWN_BUTTON))


async def acknowledged(ack: AsyncAck) -> None:
    """Acknowledge what asks for nothing."""
    await ack()


async def options_left(ack: AsyncAck) -> None:
    """Offer nothing."""
    await ack(options=[])
