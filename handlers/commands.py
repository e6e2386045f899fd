"""`/mrr`: what people can ask for by typing."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from handlers import deliveries, destinations, home, people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import answers
from handlers.views.answers import Answer
from handlers.views.destinations import DestinationForm
from handlers.views.listing import Listing
from models import person

COMMAND = "/mrr"


def register(app: AsyncApp) -> None:
    """Listen to the command."""
    app.command(COMMAND)(limited(run))


async def run(ack: AsyncAck, command: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Do what was typed, or say what can be."""
    typed = str(command.get("text") or "").strip()
    match typed.casefold().split():
        case [] | ["help"]:
            await ack(**answers.usage())
        case ["list"]:
            await ack(**await _listed(desk, client, visitor))
        case ["deliveries"]:
            await ack(**await deliveries.answer(desk, client, visitor))
        case ["new"]:
            await _new(command, client, desk, visitor)
            await ack()
        case _:
            await ack(**answers.unknown_command(typed))


async def _new(command: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Open the form with the channel that it was typed in, unless that is a conversation between people."""
    is_channel = not str(command["channel_id"]).startswith("D") and command.get("channel_name") != "directmessage"
    form = DestinationForm(channel_ids=(command["channel_id"],) if is_channel else ())
    await destinations.open_new(desk, client, visitor, trigger_id=command["trigger_id"], form=form)


async def _listed(desk: Desk, client: AsyncWebClient, visitor: Visitor) -> Answer:
    """List the destinations: all of them to a manager, those of public channels to anybody else."""
    visiting = await people.who(desk, client, visitor)
    async with desk.database.read() as session:
        may_change = await person.is_manager(session, visiting)
        if may_change:
            rows = await home.destination_rows(session, visitor.workspace_id, {})
        else:
            rows = await home.readable_rows(session, visiting)
    return answers.destination_list(Listing(tuple(rows), len(rows)), may_change=may_change)
