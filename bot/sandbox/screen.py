"""What one person's Slack client shows of an app's blocks, and what it does when the person acts on them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from bot.sandbox import interactions, shapes
from bot.sandbox.blocks import InvalidBlocks, validate_view
from bot.sandbox.checks import form_errors
from bot.sandbox.elements import (
    CHANNEL_PICKERS,
    EXTERNAL,
    PEOPLE_PICKERS,
    Placed,
    Values,
    kept,
    placed_in,
    starting,
)
from bot.sandbox.errors import NotPossibleError, SlackError
from bot.sandbox.interactions import Actor, InMessage, InView, Place
from bot.sandbox.methods import content
from bot.sandbox.outbound import Answer, Outbound
from bot.sandbox.records import Channel, Json, Message, Person, View
from bot.sandbox.state import Slack

TROUBLE = "We had some trouble connecting. Try again?"
SLOW = "Operation timed out. Apps need to respond within three seconds."
FAILED = "This app responded with an error. Try again, or tell the people who run the app."
GONE = "This app is no longer installed in this workspace."
HIGHEST_STACK = 3

Choices: TypeAlias = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Clicked:
    """What a person sees after a click: an address that opens, or a sentence that it failed."""

    url: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class Submitted:
    """What became of a modal: it closed, shows errors under its fields, or shows that it could not be sent."""

    closed: bool
    errors: dict[str, str]
    error: str | None = None


class Screen:
    """One person's client. What was typed into a view stands in the view's state, into a message here."""

    def __init__(self, slack: Slack, outbound: Outbound, person: Person) -> None:
        self.person = person
        self._slack = slack
        self._outbound = outbound
        # By what they stand on, a view's hash or a message's timestamp: a view that changes loses both.
        self._errors: dict[str, dict[str, str]] = {}
        self._troubles: dict[str, str] = {}
        self._typed: dict[str, Values] = {}
        self._offered: dict[tuple[str, str, str], list[Json]] = {}

    # --- what is there -------------------------------------------------------------------------------------------

    def modals(self) -> list[View]:
        """The modals on the screen, the lowest first, whichever workspace's app opened them."""
        stacks = [workspace_id for workspace_id, user_id in self._slack.stacks if user_id == self.person.id]
        return [view for workspace_id in stacks for view in self._slack.stack(workspace_id, self.person.id)]

    def view(self, view_id: str) -> InView:
        """Find a Home tab, or the modal on top; those beneath it cannot be touched."""
        view = self._slack.views.get(view_id)
        if view is None or view.user_id != self.person.id:
            raise NotPossibleError(f"{self.person.real_name} has no view {view_id} on the screen.")
        if view.kind == "modal" and view.id != self.modals()[-1].id:
            raise NotPossibleError("Another modal lies on top of this one: finish or close that first.")
        view.state = kept(view.state, view.body["blocks"])
        return InView(view)

    def message(self, channel: Channel, ts: str) -> InMessage:
        ephemeral = channel.ephemerals.get(ts)
        mine = ephemeral if ephemeral and ephemeral.ephemeral_for == self.person.id else None
        message = channel.messages.get(ts) or mine
        if message is None or not self._slack.can_see(self.person, channel):
            raise NotPossibleError(f"{self.person.real_name} sees no message {ts} in {channel.id}.")
        place = InMessage(channel, message, {})
        values = self._typed[ts] = kept(self._typed.get(ts, {}), place.blocks)
        return InMessage(channel, message, values)

    def errors(self, view: View) -> dict[str, str]:
        """What stands under the fields of a modal, by block id."""
        return self._errors.get(view.hash, {})

    def trouble(self, shown: View | Message) -> str | None:
        """Return the sentence beside what could not be sent to the app."""
        return self._troubles.get(shown.hash if isinstance(shown, View) else shown.ts)

    def title(self, channel: Channel) -> str:
        """Name a conversation as the person reads it: a direct one by the others in it."""
        if not channel.is_direct:
            return channel.name
        people = sorted((self._slack.people[one] for one in channel.members), key=lambda one: one.is_bot)
        others = [one.real_name for one in people if one is not self.person]
        return ", ".join(others) or f"{self.person.real_name} (you)"

    def places(self, kind: str, element: Json) -> list[Channel]:
        """List the conversations that a menu offers this person; archived ones are left out."""
        visible = [one for one in self._slack.visible_channels(self.person) if not one.is_archived]
        if "channels_select" in kind:
            return [channel for channel in visible if channel.kind == "public"]
        wanted = element.get("filter", {})
        kinds = wanted.get("include", ["public", "private", "im", "mpim"])
        chosen = [channel for channel in visible if channel.kind in kinds]
        if wanted.get("exclude_external_shared_channels"):
            chosen = [channel for channel in chosen if not channel.is_ext_shared]
        if wanted.get("exclude_bot_users"):
            chosen = [channel for channel in chosen if not self._with_bot(channel)]
        return chosen

    def known(self, its_id: str) -> tuple[Channel | None, Person | None]:
        """Find what a menu may name though it does not list it: a conversation that the person sees, or anybody."""
        channel = self._slack.channels.get(its_id)
        visible = channel if channel and self._slack.can_see(self.person, channel) else None
        return visible, self._slack.people.get(its_id)

    def people(self) -> list[Person]:
        return [one for one in self._slack.people_of(self.person.workspace_id) if not one.deleted]

    # --- acting --------------------------------------------------------------------------------------------------

    async def click(self, place: Place, action_id: str, block_id: str | None = None, choice: Any = None) -> Clicked:
        """Press a button or choose in a menu; what the element holds is told to the app at once."""
        placed = _find(place, action_id, block_id)
        if placed.shape is None:
            return await self._tell(place, placed, placed.pressed(choice))
        value = self._put(place, placed, choice)
        return await self._tell(place, placed, value) if placed.dispatches else Clicked()

    async def fill(self, place: Place, choices: Choices) -> Clicked:
        """Fill in fields; those that dispatch tell the app one by one, and the first failure ends it."""
        for block_id, fields in choices.items():
            for action_id, choice in fields.items():
                clicked = await self.click(place, action_id, block_id, choice)
                if clicked.error:
                    return clicked
        return Clicked()

    async def suggest(self, place: Place, action_id: str, block_id: str | None, typed: str) -> Json:
        """Ask the app for the options of an external menu; they are what the person can choose from then on."""
        placed = _find(place, action_id, block_id)
        if placed.type not in EXTERNAL:
            raise NotPossibleError(f"“{placed.label}” does not ask the app for its options.")
        if len(typed) < placed.element.get("min_query_length", 3):
            return {"options": []}
        actor = self._actor(place, placed)
        answer = await self._outbound.options(actor.app, interactions.suggestion(actor, place, placed, typed))
        offered = answer.json() if answer.ok else None
        if not isinstance(offered, dict):
            return {"options": []}
        remembered = self._offered.setdefault((place.key, placed.block_id, placed.action_id), [])
        remembered.extend(Placed(placed.block, {**placed.element, **offered}).options)
        return offered

    async def submit(self, view: View, choices: Choices) -> Submitted:
        """Send a modal to the app, unless the client finds something to correct first."""
        place = self.view(view.id)
        if not view.body.get("submit"):
            raise NotPossibleError("This modal has no button to submit it.")
        for block_id, fields in choices.items():
            for action_id, choice in fields.items():
                self._put(place, _find(place, action_id, block_id), choice)
        self._troubles.pop(view.hash, None)
        self._errors[view.hash] = form_errors(place.blocks, view.state)
        if self._errors[view.hash]:
            return self._still_open(view)
        actor = self._actor(place)
        answer = await self._outbound.interaction(actor.app, interactions.submission(actor, view))
        return self._submitted(view, answer)

    async def close(self, view: View, *, clear: bool = False) -> None:
        """Press the modal's Cancel, or with `clear` the cross that takes the whole stack away."""
        actor = self._actor(self.view(view.id))
        cleared = clear or bool(view.body.get("clear_on_close"))
        told = self._slack.views.get(view.root_view_id, view) if cleared else view
        payload = interactions.closing(actor, told, cleared=cleared)
        self._slack.close_views(view, clear=cleared)
        if told.body.get("notify_on_close"):
            await self._outbound.interaction(actor.app, payload)

    # --- how it is done ------------------------------------------------------------------------------------------

    def _actor(self, place: Place, placed: Placed | None = None) -> Actor:
        app_id, workspace_id = place.owner(placed)
        if not app_id or not self._slack.installation(app_id, workspace_id):
            raise NotPossibleError(GONE)
        return Actor(self._slack, self._slack.apps[app_id], self.person, workspace_id)

    async def _tell(self, place: Place, placed: Placed, value: Json | None) -> Clicked:
        actor = self._actor(place, placed)
        self._troubles.pop(place.showing, None)
        answer = await self._outbound.interaction(actor.app, interactions.action(actor, place, placed, value))
        error = None if answer.ok else SLOW if answer.timed_out else FAILED
        if error:
            self._troubles[place.showing] = error
            self._slack.changes.add("trouble", self.person.workspace_id, user=self.person.id)
        option = (value or {}).get("selected_option") or {}
        return Clicked(option.get("url") or placed.element.get("url"), error)

    def _put(self, place: Place, placed: Placed, choice: Any) -> Json:
        """Put a choice into a field; only what Slack's client would offer this person can be chosen."""
        offered = self._offered.get((place.key, placed.block_id, placed.action_id), [])
        value = placed.choose(self._known(placed, choice), offered=offered)
        place.values.setdefault(placed.block_id, {})[placed.action_id] = value
        return value

    def _known(self, placed: Placed, choice: Any) -> Any:
        if placed.type in CHANNEL_PICKERS:
            places = self.places(placed.type, placed.element)
            return _each(choice, lambda one: _listed(placed, one, [(place.id, place.name) for place in places]))
        if placed.type in PEOPLE_PICKERS:
            people = [(person.id, person.name) for person in self.people()]
            return _each(choice, lambda one: _listed(placed, one, people))
        if placed.type == "datetimepicker" and isinstance(choice, str) and choice:
            return self._instant(placed, choice)
        if placed.type == "file_input" and isinstance(choice, list):
            return [shapes.file(self._slack, self._slack.files[one]) for one in choice if one in self._slack.files]
        return choice

    def _instant(self, placed: Placed, written: str) -> int:
        """Read a date and a time as they are on the person's clock."""
        try:
            local = datetime.fromisoformat(written)
        except ValueError as error:
            raise NotPossibleError(f"“{placed.label}” takes a date and a time, such as 2026-11-23T09:00.") from error
        return int((local if local.tzinfo else local.replace(tzinfo=ZoneInfo(self.person.tz))).timestamp())

    def _with_bot(self, channel: Channel) -> bool:
        return channel.is_direct and any(self._slack.people[one].is_bot for one in channel.members)

    def _submitted(self, view: View, answer: Answer) -> Submitted:
        """Do what the app answered; an answer that Slack does not understand leaves the modal open."""
        said: Any = answer.json() if answer.ok else "not answered"
        if said is None or said == {}:
            self._slack.close_views(view)
            return Submitted(closed=True, errors={})
        action = said.get("response_action") if isinstance(said, dict) else None
        if action == "clear":
            self._slack.close_views(view, clear=True)
            return Submitted(closed=True, errors={})
        if action == "errors" and self._take_errors(view, said.get("errors")):
            return self._still_open(view)
        if action in {"update", "push"} and self._take_view(view, said.get("view"), push=action == "push"):
            return Submitted(closed=False, errors={})
        self._troubles[view.hash] = TROUBLE
        self._slack.view_changed(view)
        return Submitted(closed=False, errors={}, error=TROUBLE)

    def _take_errors(self, view: View, errors: Any) -> bool:
        """Show the app's errors; each must name an input block of this view."""
        inputs = {block["block_id"] for block in view.body["blocks"] if block["type"] == "input"}
        if not isinstance(errors, dict) or not errors or not errors.keys() <= inputs:
            return False
        self._errors[view.hash] = {block_id: str(error) for block_id, error in errors.items()}
        return True

    def _take_view(self, view: View, body: Any, *, push: bool) -> bool:
        try:
            validate_view(body)
            content.refuse_unknown_files(self._slack, body["blocks"], pointer="/view/blocks")
        except (InvalidBlocks, SlackError):
            return False
        body = {**body, "blocks": content.with_ids(self._slack, body["blocks"])}
        if not push:
            self._slack.replace_view(view, body, state=kept(view.state, body["blocks"]))
            return True
        if len(self.modals()) >= HIGHEST_STACK:
            return False
        self._slack.add_view(_above(self._slack, view, body))
        return True

    def _still_open(self, view: View) -> Submitted:
        self._slack.view_changed(view)
        return Submitted(closed=False, errors=self.errors(view))


def _above(slack: Slack, view: View, body: Json) -> View:
    return View(
        id=slack.next_id("V"),
        app_id=view.app_id,
        bot_id=view.bot_id,
        workspace_id=view.workspace_id,
        user_id=view.user_id,
        kind="modal",
        body=body,
        hash=slack.next_hash(),
        root_view_id=view.root_view_id,
        previous_view_id=view.id,
        state=starting(body["blocks"]),
    )


def _find(place: Place, action_id: str, block_id: str | None) -> Placed:
    placed = list(placed_in(place.blocks))
    fitting = [one for one in placed if one.action_id == action_id and block_id in (None, one.block_id)]
    if not fitting:
        there = ", ".join(f"{one.label} ({one.action_id})" for one in placed) or "nothing"
        raise NotPossibleError(f"There is no {action_id!r} here to click or fill in; there is: {there}.")
    return fitting[0]


def _each(choice: Any, known: Callable[[str], str]) -> Any:
    return [known(one) for one in choice] if isinstance(choice, list) else known(choice) if choice else choice


def _listed(placed: Placed, wanted: str, listed: Iterable[tuple[str, str]]) -> str:
    """Find what the person means, by its id or its name, in what the menu lists for them."""
    listed = list(listed)
    for its_id, name in listed:
        if wanted in (its_id, f"#{name}", f"@{name}"):
            return its_id
    there = ", ".join(name or its_id for its_id, name in listed)
    raise NotPossibleError(f"“{placed.label}” does not list {wanted}; there are: {there}.")
