"""Making, changing and deleting workflows, in modals from the Home tab."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from handlers import home, people
from handlers.channels import check_channels
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import workflows as forms
from handlers.views.blocks import View
from handlers.views.filled import subject
from handlers.views.workflows import Menu, WorkflowForm
from models import lane, workflow
from models.wish import FieldError
from models.workflow import Workflow


def register(app: AsyncApp) -> None:
    """Listen to the button, the menu and the forms."""
    app.action(forms.ACTIONS.new)(limited(pressed_new))
    for action_id in forms.ACTIONS.edits:
        app.action(action_id)(limited(pressed_edit))
    app.action(forms.ACTIONS.menu)(limited(chose))
    app.view(forms.CALLBACKS.save)(limited(saved))
    app.view(forms.CALLBACKS.delete)(limited(deleted))


async def pressed_new(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Open an empty form."""
    await people.require_manager(desk, client, visitor)
    await client.views_open(trigger_id=body["trigger_id"], view=forms.form(WorkflowForm()))
    await ack()


async def pressed_edit(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Open a workflow's form."""
    await _open(desk, client, visitor, Menu.EDIT, str(action.get("value")), trigger_id=body["trigger_id"])
    await ack()


async def chose(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Do what was chosen in a workflow's menu."""
    await _open(desk, client, visitor, *forms.read_menu(action), trigger_id=body["trigger_id"])
    await ack()


async def _open(
    desk: Desk, client: AsyncWebClient, visitor: Visitor, choice: Menu, workflow_id: str, *, trigger_id: str
) -> None:
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        found = await workflow.get(session, visitor.workspace_id, workflow_id)
    await client.views_open(trigger_id=trigger_id, view=_asked(choice, found))


def _asked(choice: Menu, found: Workflow) -> View:
    match choice:
        case Menu.EDIT:
            form = WorkflowForm(
                name=found.name,
                event=found.event,
                path=found.path or "",
                value=found.value or "",
                channel_id=found.channel_id,
                template=found.template,
                username=found.username or "",
                icon=found.icon or "",
            )
            return forms.form(form, workflow_id=found.id)
        case Menu.DELETE:
            return forms.delete_question(workflow_id=found.id, name=found.name)


async def saved(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Make or change a workflow as the form says, or say under the field what is wrong."""
    await people.require_manager(desk, client, visitor)
    try:
        wish, workflow_id = forms.wish(forms.read(view)), subject(view)
        await check_channels([wish.channel_id], client, desk, visitor)
        async with desk.database.write() as session:
            if workflow_id is None:
                await workflow.create(session, visitor.workspace_id, wish, by=visitor.user_id, now=desk.now())
            else:
                found = await workflow.get(session, visitor.workspace_id, workflow_id, hold=True)
                await lane.hurry_all(session, visitor.workspace_id, workflow_id, now=desk.now())
                await workflow.edit(session, found, wish, by=visitor.user_id, now=desk.now())
    except FieldError as error:
        await ack(response_action="errors", errors=forms.errors({error.field: str(error)}))
        return
    await ack()
    await home.refresh(desk, client, visitor)


async def deleted(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Delete the workflow that the question was about."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.write() as session:
        found = await workflow.get(session, visitor.workspace_id, str(view.get("private_metadata")), hold=True)
        await workflow.remove(session, found, by=visitor.user_id, now=desk.now())
    await ack()
    await home.refresh(desk, client, visitor)
