"""A workflow's form, its line in the Home tab and its menu; and what a person answered in each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from handlers.views.blocks import Element, View, button, field, in_a_row, modal, option, overflow, section, text_input
from handlers.views.filled import filled
from models.wish import FieldError
from models.workflow import WorkflowWish
from scheduler.messages import mrkdwn, notice
from scheduler.messages.template import Template, TemplateError, look_up

EXAMPLE = "🎉 {{$.properties.name}} just completed an order for {{$.properties.total}}!"
LONGEST_USERNAME = 80

_EMOJI = re.compile(r":[\w+'-]{1,100}:")
_PICTURE = re.compile(r"https://[^\s<>\"]{3,1000}")


@dataclass(frozen=True)
class Actions:
    """The names of what can be pressed."""

    new: str = "workflow_new"
    edits: tuple[str, ...] = in_a_row(notice.ACTIONS.edit_workflow)
    menu: str = "workflow_menu"


@dataclass(frozen=True)
class Callbacks:
    """The names of the modals that can be submitted."""

    save: str = "workflow_save"
    delete: str = "workflow_delete"


ACTIONS = Actions()
CALLBACKS = Callbacks()


class Menu(StrEnum):
    """What the menu beside a workflow offers."""

    EDIT = "edit"
    DELETE = "delete"


class Field(StrEnum):
    """The fields of the form, by the names under which they can be refused."""

    NAME = "name"
    EVENT = "event"
    PATH = "path"
    VALUE = "value"
    CHANNEL = "channel"
    TEMPLATE = "template"
    USERNAME = "username"
    ICON = "icon"

    @property
    def block_id(self) -> str:
        """Name the field's block."""
        return f"workflow_{self}"


@dataclass(frozen=True, kw_only=True)
class WorkflowForm:
    """What the form starts with, and what a person made of it."""

    name: str = ""
    event: str = ""
    path: str = ""
    value: str = ""
    channel_id: str = ""
    template: str = ""
    username: str = ""
    icon: str = ""


@dataclass(frozen=True, kw_only=True)
class WorkflowRow:
    """A workflow in a list."""

    id: str
    name: str
    event: str
    channel_id: str


def new_button() -> Element:
    """Draw the button that opens an empty form."""
    return button("New workflow", ACTIONS.new)


def row(workflow: WorkflowRow) -> dict[str, Any]:
    """Draw a workflow in a manager's list."""
    name, event = mrkdwn.bold(mrkdwn.escape(workflow.name, 160)), mrkdwn.code(workflow.event)
    choices = [option("Edit", f"{Menu.EDIT} {workflow.id}"), option("Delete", f"{Menu.DELETE} {workflow.id}")]
    text = f"{name} · when {event} arrives, a message to {mrkdwn.channel(workflow.channel_id)}"
    return section(text, accessory=overflow(ACTIONS.menu, *choices))


def read_menu(action: Mapping[str, Any]) -> tuple[Menu, str]:
    """Read what was chosen in the menu, and the workflow's id. Raises ValueError for a choice that we never offered."""
    choice, _, workflow_id = str((action.get("selected_option") or {}).get("value")).partition(" ")
    return Menu(choice), workflow_id


def form(filled_in: WorkflowForm, *, workflow_id: str | None = None) -> View:
    """Draw the form: for a new workflow, or for the one with this id."""
    template = {**text_input("template", initial=filled_in.template, placeholder=EXAMPLE), "multiline": True}
    blocks = [
        _text("Name", Field.NAME, filled_in.name, "Orders"),
        _text("When this event arrives", Field.EVENT, filled_in.event, "Order Completed", hint=_EVENT_HINT),
        _text("And this property", Field.PATH, filled_in.path, "properties.plan", optional=True),
        _text("Has this value", Field.VALUE, filled_in.value, "enterprise", optional=True),
        field("Post this message", template, block_id=Field.TEMPLATE.block_id, hint=_TEMPLATE_HINT),
        field("To this channel", _channel(filled_in.channel_id), block_id=Field.CHANNEL.block_id),
        _text("Under this name", Field.USERNAME, filled_in.username, "Runrate", optional=True),
        _text("With this icon", Field.ICON, filled_in.icon, ":tada:", hint=_ICON_HINT, optional=True),
    ]
    title = "Edit workflow" if workflow_id else "New workflow"
    return modal(title, blocks, callback_id=CALLBACKS.save, submit="Save", metadata=workflow_id)


_EVENT_HINT = "The name of a Segment track call, as it is sent."
_TEMPLATE_HINT = "{{$.properties.name}} stands for the event's property; what an event doesn't have is left out."
_ICON_HINT = "An emoji such as :tada:, or the https address of a picture."


def _text(
    label: str, where: Field, initial: str, example: str, *, hint: str | None = None, optional: bool = False
) -> dict[str, Any]:
    element = text_input(str(where), initial=initial, placeholder=example)
    return field(label, element, block_id=where.block_id, hint=hint, optional=optional)


def _channel(chosen: str) -> Element:
    element: Element = {
        "type": "conversations_select",
        "action_id": "channel",
        "placeholder": {"type": "plain_text", "text": "Choose a channel"},
        "filter": {"include": ["public", "private"], "exclude_bot_users": True},
    }
    return {**element, "initial_conversation": chosen} if chosen else element


def read(view: Mapping[str, Any]) -> WorkflowForm:
    """Read the form as it was submitted."""
    answers = filled(dict(view))
    texts = {
        str(where): mrkdwn.one_line(answers.text(where.block_id))
        for where in (Field.NAME, Field.EVENT, Field.PATH, Field.VALUE, Field.USERNAME, Field.ICON)
    }
    template = answers.text(Field.TEMPLATE.block_id).replace("\0", "")
    return WorkflowForm(**texts, template=template, channel_id=answers.conversation(Field.CHANNEL.block_id) or "")


def wish(filled_in: WorkflowForm) -> WorkflowWish:
    """Make of the form what is wished for. Raises `FieldError` for what nobody could do."""
    try:
        Template(filled_in.template)
    except TemplateError as error:
        raise FieldError(Field.TEMPLATE, str(error)) from error
    try:
        look_up({}, filled_in.path or "properties")
    except TemplateError as error:
        raise FieldError(Field.PATH, "Write a path such as properties.plan.") from error
    if len(filled_in.username) > LONGEST_USERNAME:
        raise FieldError(Field.USERNAME, f"A name has at most {LONGEST_USERNAME} characters.")
    if filled_in.icon and not (_EMOJI.fullmatch(filled_in.icon) or _PICTURE.fullmatch(filled_in.icon)):
        raise FieldError(Field.ICON, "Write an emoji such as :tada:, or the https address of a picture.")
    return WorkflowWish(
        name=filled_in.name,
        event=filled_in.event,
        path=filled_in.path or None,
        value=filled_in.value or None,
        channel_id=filled_in.channel_id,
        template=filled_in.template,
        username=filled_in.username or None,
        icon=filled_in.icon or None,
    )


def errors(refused: Mapping[str, str]) -> dict[str, str]:
    """Put each refusal under its field; one about the chosen channels stands under the channel."""
    fields = {str(one) for one in Field}
    names = {name: name if name in fields else Field.CHANNEL for name in refused}
    return {Field(names[name]).block_id: text for name, text in refused.items()}


def delete_question(*, workflow_id: str, name: str) -> View:
    """Draw the question before a workflow is deleted."""
    text = f"Delete {mrkdwn.bold(mrkdwn.escape(name, 160))}?\nIts events post nothing any more. Messages stay."
    return modal(
        "Delete workflow",
        [section(text)],
        callback_id=CALLBACKS.delete,
        submit="Delete",
        close="Keep",
        metadata=workflow_id,
    )
