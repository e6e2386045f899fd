"""`/mrr`: what people can ask for by typing."""

from typing import Any

import orjson
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from handlers import (
    accounts,
    deliveries,
    destination_form,
    destinations,
    glances,
    hearing,
    mutes,
    pauses,
    people,
    trials,
)
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import answers
from handlers.views import pauses as pause_view
from handlers.views.answers import Answer
from handlers.views.destination_answers import DestinationForm
from handlers.views.typed import name_in
from models import destination
from models.base import UserError
from models.destination import Destination

COMMAND = "/mrr"


def register(app: AsyncApp) -> None:
    """Listen to the command, and to the button that takes a misspelt one for what was meant."""
    app.command(COMMAND)(limited(run))
    app.action(answers.ACTIONS.meant)(limited(meant))


async def run(
    ack: AsyncAck,
    command: dict[str, Any],
    respond: AsyncRespond,
    client: AsyncWebClient,
    desk: Desk,
    visitor: Visitor,
) -> None:
    """Do what was typed, or say what can be."""
    typed = str(command.get("text") or "").strip()
    match typed.casefold().split():
        case [] | ["today"]:
            await glances.show(ack, command, respond, client, desk, visitor, typed="today")
        case ["recap", *_]:
            await glances.show(ack, command, respond, client, desk, visitor, typed=typed[len("recap") :])
        case ["account", *_]:
            await accounts.find(ack, command, respond, client, desk, visitor)
        case ["new"]:
            await _new(command, client, desk, visitor)
            await ack()
        case ["edit" | "pause" as word, *_]:
            named = await _named(typed, client, desk, visitor)
            ask = destination_form.open_edit if word == "edit" else pauses.ask
            await ask(desk, client, visitor, trigger_id=command["trigger_id"], destination_id=named.id)
            await ack()
        case ["resume" | "test" as word, *_]:
            named = await _named(typed, client, desk, visitor)
            await ack(**await (_resume if word == "resume" else _test)(named, client, desk, visitor))
        case words:
            await ack(**await _answer(words, typed, command, client, desk, visitor))


async def meant(
    ack: AsyncAck,
    action: dict[str, Any],
    body: dict[str, Any],
    respond: AsyncRespond,
    client: AsyncWebClient,
    desk: Desk,
    visitor: Visitor,
) -> None:
    """Do what was meant; what a command is acknowledged with stands in the place of the question."""
    channel = {"channel_id": body["channel"]["id"], "channel_name": body["channel"].get("name")}
    command = {**channel, "trigger_id": body["trigger_id"], "text": answers.read_meant(action)}
    await run(ack, command, respond, client, desk, visitor)
    answered = ack.response
    if answered is not None and answered.body:
        await respond(**orjson.loads(answered.body), replace_original=True)
    await ack()


async def _answer(
    words: list[str], typed: str, command: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> Answer:
    """Answer what only asks, or only concerns who asks."""
    match words:
        case ["list"]:
            return await destinations.listed(desk, client, visitor)
        case ["deliveries"]:
            return await deliveries.answer(desk, client, visitor)
        case ["why", *_]:
            return await hearing.explain(command, client, desk, visitor)
        case ["mute" | "unmute" as word, *_]:
            change = mutes.add if word == "mute" else mutes.remove
            return await change(typed, client, desk, visitor)
        case _:
            await people.require_member(desk, client, visitor)
            return answers.usage() if words[0] == "help" else answers.unknown_command(typed)


async def _resume(named: Destination, client: AsyncWebClient, desk: Desk, visitor: Visitor) -> Answer:
    was_paused = await pauses.resume(desk, client, visitor, destination_id=named.id)
    return pause_view.resumed(named.name, was_paused=was_paused)


async def _test(named: Destination, client: AsyncWebClient, desk: Desk, visitor: Visitor) -> Answer:
    return answers.tested(*await trials.send(desk, client, visitor, destination_id=named.id))


async def _new(command: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Open the form with the channel that it was typed in, unless that is a conversation between people."""
    is_channel = not str(command["channel_id"]).startswith("D") and command.get("channel_name") != "directmessage"
    form = DestinationForm(channel_ids=(command["channel_id"],) if is_channel else ())
    await destination_form.open_new(desk, client, visitor, trigger_id=command["trigger_id"], form=form)


async def _named(typed: str, client: AsyncWebClient, desk: Desk, visitor: Visitor) -> Destination:
    """Find the destination whose name follows the command's word; without a name, the only one there is."""
    await people.require_manager(desk, client, visitor)
    name = name_in(typed)
    async with desk.database.read() as session:
        if name:
            return await destination.named(session, visitor.workspace_id, name)
        known = await destination.of_workspace(session, visitor.workspace_id)
    if len(known) == 1:
        return known[0]
    if not known:
        raise UserError("There is no destination yet. Make one with /mrr new.")
    word = typed.split(maxsplit=1)[0]
    raise UserError(f"Say which one: /mrr {word} NAME, such as /mrr {word} {known[0].name}")
