"""views.open, views.push, views.update and views.publish."""

from typing import Any

import orjson

from bot.sandbox import shapes
from bot.sandbox.blocks import InvalidBlocks, validate_view
from bot.sandbox.elements import kept, starting
from bot.sandbox.errors import SlackError, with_messages
from bot.sandbox.methods import content
from bot.sandbox.methods.method import Ask, Method
from bot.sandbox.records import Json, Trigger, View

MOST_OPEN = 3
MOST_BYTES = 250_000


async def _open(ask: Ask) -> Json:
    body = _read(ask, "modal")
    trigger = _trigger(ask)
    _refuse_duplicate(ask, body)
    for view in ask.slack.stack(trigger.workspace_id, trigger.user_id)[:1]:
        # One stack at a time: a modal that is opened afresh takes the place of what was on the screen.
        ask.slack.close_views(view)
    view = _new(ask, body, trigger.user_id)
    return {"view": shapes.view(ask.slack.add_view(view))}


async def _push(ask: Ask) -> Json:
    body = _read(ask, "modal")
    trigger = _trigger(ask)
    stack = ask.slack.stack(trigger.workspace_id, trigger.user_id)
    if trigger.view_id not in [view.id for view in stack]:
        raise SlackError("not_found")
    if len(stack) >= MOST_OPEN:
        raise SlackError("push_limit_reached")
    _refuse_duplicate(ask, body)
    view = _new(ask, body, trigger.user_id)
    view.root_view_id = stack[0].id
    view.previous_view_id = stack[-1].id
    return {"view": shapes.view(ask.slack.add_view(view))}


async def _update(ask: Ask) -> Json:
    view = _named(ask)
    body = _read(ask, view.kind)
    _refuse_stale(ask, view)
    _refuse_duplicate(ask, body, but=view)
    return {"view": shapes.view(ask.slack.replace_view(view, body, state=kept(view.state, body["blocks"])))}


async def _publish(ask: Ask) -> Json:
    body = _read(ask, "home")
    if not ask.caller.app.home_tab_enabled:
        raise SlackError("not_enabled")
    person = ask.slack.person(ask.caller.workspace.id, ask.required("user_id"))
    if person is None or person.is_bot:
        raise with_messages("invalid_arguments", ["invalid user_id [json-pointer:/user_id]"])
    home = ask.slack.home(ask.caller.app.id, ask.caller.workspace.id, person.id)
    _refuse_duplicate(ask, body, but=home)
    if home is None:
        return {"view": shapes.view(ask.slack.add_view(_new(ask, body, person.id)))}
    _refuse_stale(ask, home)
    return {"view": shapes.view(ask.slack.replace_view(home, body, state=kept(home.state, body["blocks"])))}


def _read(ask: Ask, kind: str) -> Json:
    """Read and check the view; what is wrong with it is told with pointers into the arguments."""
    given = ask.args.structure("view", code="invalid_arguments")
    if len(orjson.dumps(given)) > MOST_BYTES:
        raise SlackError("view_too_large")
    _check(given, kind)
    content.refuse_unknown_files(ask.slack, given["blocks"], pointer="/view/blocks", code="invalid_arguments")
    content.refuse_pictures(ask.caller.workspace, given["blocks"])
    return {**given, "blocks": content.with_ids(ask.slack, given["blocks"])}


def _check(given: Any, kind: str) -> None:
    try:
        validate_view(given)
    except InvalidBlocks as refused:
        raise with_messages("invalid_arguments", refused.errors) from refused
    if given["type"] != kind:
        raise with_messages("invalid_arguments", [f"must be {kind} [json-pointer:/view/type]"])


def _trigger(ask: Ask) -> Trigger:
    caller = ask.caller
    return ask.slack.take_trigger(caller.app.id, caller.workspace.id, ask.required("trigger_id"))


def _new(ask: Ask, body: Json, user_id: str) -> View:
    view_id = ask.slack.next_id("V")
    return View(
        id=view_id,
        app_id=ask.caller.app.id,
        bot_id=ask.caller.bot.bot_id or "",
        workspace_id=ask.caller.workspace.id,
        user_id=user_id,
        kind=body["type"],
        body=body,
        hash=ask.slack.next_hash(),
        root_view_id=view_id,
        state=starting(body["blocks"]),
    )


def _named(ask: Ask) -> View:
    """Find the view by either of its ids, among those of this app in this workspace."""
    view_id, external_id = ask.args.text("view_id"), ask.args.text("external_id")
    if not view_id and not external_id:
        raise with_messages("invalid_arguments", ["missing required field: view_id"])
    own = _own(ask)
    named = (
        [one for one in own if one.id == view_id] if view_id else [one for one in own if one.external_id == external_id]
    )
    if not named:
        raise SlackError("not_found")
    return named[0]


def _own(ask: Ask) -> list[View]:
    owner = (ask.caller.app.id, ask.caller.workspace.id)
    return [view for view in ask.slack.views.values() if (view.app_id, view.workspace_id) == owner]


def _refuse_duplicate(ask: Ask, body: Json, *, but: View | None = None) -> None:
    external_id = body.get("external_id")
    if external_id and any(view.external_id == external_id for view in _own(ask) if view is not but):
        raise SlackError("duplicate_external_id")


def _refuse_stale(ask: Ask, view: View) -> None:
    told = ask.args.text("hash")
    if told and told != view.hash:
        raise SlackError("hash_conflict")


VIEW_ERRORS = frozenset({"duplicate_external_id", "view_too_large"})
TRIGGER_ERRORS = frozenset({"invalid_trigger_id", "exchanged_trigger_id", "expired_trigger_id"})
OPENING = ("trigger_id", "view")
METHODS = [
    Method("views.open", _open, tier=4, required=OPENING, errors=VIEW_ERRORS | TRIGGER_ERRORS),
    Method(
        "views.push",
        _push,
        tier=4,
        required=OPENING,
        errors=VIEW_ERRORS | TRIGGER_ERRORS | {"not_found", "push_limit_reached"},
    ),
    Method(
        "views.update",
        _update,
        tier=4,
        required=("view",),
        errors=VIEW_ERRORS | {"not_found", "hash_conflict"},
    ),
    Method(
        "views.publish",
        _publish,
        tier=4,
        required=("user_id", "view"),
        errors=VIEW_ERRORS | {"hash_conflict", "not_enabled"},
    ),
]
