"""Naming managers beside Slack's admins and owners."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from handlers import home, people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.together import together
from handlers.views import managers as forms
from handlers.views.managers import ManagersForm
from models import person


def register(app: AsyncApp) -> None:
    """Listen to the button and the form."""
    app.action(forms.ACTIONS.name)(limited(pressed))
    app.view(forms.CALLBACKS.save)(limited(saved))


async def pressed(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Open the form with those who are named already."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        named = await person.present_managers(session, visitor.workspace_id)
    await client.views_open(trigger_id=body["trigger_id"], view=forms.form(ManagersForm(tuple(named))))
    await ack()


async def saved(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Name exactly these people. Guests and deactivated people are refused under the field."""
    await people.require_manager(desk, client, visitor)
    named = forms.read(view).user_ids
    async with together() as group:
        asked = [
            group.create_task(people.who(desk, client, Visitor(visitor.workspace_id, user_id))) for user_id in named
        ]
    for someone in (one.result() for one in asked):
        if someone.is_guest or someone.is_deactivated:
            problem = "a guest" if someone.is_guest else "deactivated"
            await ack(response_action="errors", errors=forms.errors(f"{someone.name} is {problem}, so can't be named."))
            return
    async with desk.database.write() as session:
        await person.name_managers(session, visitor.workspace_id, named, by=visitor.user_id, now=desk.now())
    await ack()
    await home.refresh(desk, client, visitor)
