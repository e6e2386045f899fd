"""Saying whose an e-mail address is that a CRM has and Slack doesn't."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers import home, people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import email_aliases as forms
from handlers.views.blocks import View
from handlers.views.email_aliases import Field
from models import email_alias, person
from models.base import UserError
from models.fact import is_email, is_storable

SLACKBOT = "USLACKBOT"
"""Slack calls it a person."""


class NobodyThereError(UserError):
    """This person is deactivated in Slack, and would hear of nothing. Choose somebody else."""


def register(app: AsyncApp) -> None:
    """Listen to the buttons, the menus and the form."""
    app.action(forms.ACTIONS.open)(limited(pressed))
    app.action(forms.ACTIONS.person)(limited(chose))
    app.action(forms.ACTIONS.remove)(limited(removed))
    app.view(forms.CALLBACKS.save)(limited(saved))


async def pressed(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Open the form."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        drawn = await _form(session, visitor)
    await client.views_open(trigger_id=body["trigger_id"], view=drawn)
    await ack()


async def chose(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Save whose an address is."""
    await people.require_manager(desk, client, visitor)
    email, user_id = forms.read_person(action)
    await _require_present(desk, client, visitor, user_id)
    async with desk.database.write() as session:
        await email_alias.give(session, visitor.workspace_id, email, user_id, by=visitor.user_id, now=desk.now())
    await _redraw(body["view"], client, desk, visitor)
    await ack()
    await home.refresh(desk, client, visitor)


async def removed(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Let Slack say again whose an address is."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.write() as session:
        email = str(action.get("value"))
        await email_alias.remove(session, visitor.workspace_id, email, by=visitor.user_id, now=desk.now())
    await _redraw(body["view"], client, desk, visitor)
    await ack()
    await home.refresh(desk, client, visitor)


async def saved(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Save whose an address is that was typed in."""
    await people.require_manager(desk, client, visitor)
    email, user_id = forms.read(view)
    if not (is_email(email) and is_storable(email)):
        text = "It is not an e-mail address; give one, such as dana@example.com."
        await ack(response_action="errors", errors=forms.errors({Field.EMAIL: text}))
        return
    try:
        await _save(desk, client, visitor, email, user_id)
    except NobodyThereError as error:
        await ack(response_action="errors", errors=forms.errors({Field.PERSON: str(error)}))
        return
    await ack()
    await home.refresh(desk, client, visitor)


async def _save(desk: Desk, client: AsyncWebClient, visitor: Visitor, email: str, user_id: str | None) -> None:
    who: dict[str, Any] = {"by": visitor.user_id, "now": desk.now()}
    if user_id is not None:
        await _require_present(desk, client, visitor, user_id)
    async with desk.database.write() as session:
        if user_id is None:
            await email_alias.remove(session, visitor.workspace_id, email, **who)
        else:
            await email_alias.give(session, visitor.workspace_id, email, user_id, **who)


async def _require_present(desk: Desk, client: AsyncWebClient, visitor: Visitor, user_id: str) -> None:
    """Refuse who left and what is nobody. A guest may be chosen: people in this workspace hear of what is theirs."""
    user = (await client.users_info(user=user_id))["user"]
    if user.get("is_bot") or user_id == SLACKBOT:
        raise NobodyThereError("It is an app, and reads nothing. Choose a person.")
    if user.get("deleted"):
        raise NobodyThereError
    async with desk.database.write() as session:
        await person.remember(session, visitor.workspace_id, user, now=desk.now())


async def _redraw(shown: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    async with desk.database.read() as session:
        drawn = await _form(session, visitor)
    await client.views_update(view_id=shown["id"], hash=shown["hash"], view=drawn)


async def _form(session: AsyncSession, visitor: Visitor) -> View:
    unknown = await email_alias.unknown(session, visitor.workspace_id)
    return forms.form(unknown, await email_alias.of_workspace(session, visitor.workspace_id))
