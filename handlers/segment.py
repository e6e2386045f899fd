"""Changing what only a Segment source has: when it creates accounts, and where its traits go."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from handlers import people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import segment as forms
from handlers.views.segment import Field, SegmentForm
from models import attribute, mapping, source
from models.attribute import Subject
from models.base import UserError
from models.source import AccountCreation


def register(app: AsyncApp) -> None:
    """Listen to the button and the form."""
    app.action(forms.OPEN)(limited(pressed))
    app.view(forms.OPEN)(limited(saved))


async def pressed(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Open the form over the source's address."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        found = await source.get(session, visitor.workspace_id, str(action.get("value")))
        types = await attribute.types(session, visitor.workspace_id)
    filled_in = SegmentForm(
        account_creation=AccountCreation(found.account_creation),
        contact_mappings=mapping.written(found.mappings.get(Subject.CONTACT, {})),
        account_mappings=mapping.written(found.mappings.get(Subject.ACCOUNT, {})),
        conflicts=[(key, several) for (_, key), several in types.items() if len(several) > 1],
    )
    await client.views_push(trigger_id=body["trigger_id"], view=forms.form(found.id, filled_in))
    await ack()


async def saved(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Save what was submitted, or say which line can't be read."""
    await people.require_manager(desk, client, visitor)
    form, errors = forms.read(view), {}
    mappings: dict[str, dict[str, str]] = {}
    typed = (
        (Subject.CONTACT, Field.CONTACT, form.contact_mappings),
        (Subject.ACCOUNT, Field.ACCOUNT, form.account_mappings),
    )
    for subject, field, text in typed:
        try:
            mappings[subject] = mapping.read(text)
        except UserError as error:
            errors[str(field)] = str(error)
    if errors:
        await ack(response_action="errors", errors=errors)
        return
    async with desk.database.write() as session:
        found = await source.get(session, visitor.workspace_id, view["private_metadata"])
        source.change(
            session,
            found,
            account_creation=form.account_creation,
            mappings=mappings,
            by=visitor.user_id,
            now=desk.now(),
        )
    await ack()
