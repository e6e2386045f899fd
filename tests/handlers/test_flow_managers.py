"""Managers change things, members use them, guests and strangers do neither: asked of every listener that there is."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from bot.sandbox.people import ACME, ADA, DANA, GINA, GLOBEX, GUS
from handlers import slack
from handlers.listening import ELSEWHERE
from handlers.views import accounts, destinations, sources, workflows
from handlers.views.destination_details import ACTIONS
from models import destination, source, tables
from models.database import Database
from scheduler.messages import menu
from tests.stage import NOT_FOR_GUESTS, Answer, Stage

FOR_MEMBERS = {
    "action account_open", "action account_share", "action account_movements", "action account_movements_older",
    "action account_movements_newer", "action glance_share", "action message_menu", "action personal_recap_ask",
    "action personal_recap_change", "view personal_recap", "action destination_details",
    "action destination_newer_changes", "action destination_older_changes", "action claim_take", "action claim_release",
    "action command_meant",
}  # fmt: skip
"""What any full member may press, and no guest."""

FOR_ANYBODY = {
    "action page_previous", "action page_next", "action home_grant", "action signal_open", "action recap_open",
    "action signal_unmute", "action mute_undo", "action mute_undo_at_home", "action personal_recap_stop",
    "action quiet_hours", "action quiet_hours_end", "view quiet_hours", "action mute_undo_in_modal",
    "view account_mute",
}  # fmt: skip
"""Links, the pages of one's own Home tab, and what each decides about their own messages, guests too."""

CHANGING = [one for one in destinations.Menu if one is not destinations.Menu.DETAILS]
CHOICES = {
    "destination_menu": tuple(CHANGING),
    **{ACTIONS.button(one): (one,) for one in CHANGING},
    "source_menu": tuple(sources.Menu),
    "account_menu": tuple(accounts.Menu),
    "workflow_menu": tuple(workflows.Menu),
    "message_menu": (menu.Choice.WHY, menu.Choice.HISTORY),
}
"""What the menus offer; a manager's are pressed one by one."""

PASSING = {"people", "slack_events", "installations", "channels"}
"""Tables that say what we know of Slack, which may be learned from anybody's press."""


class Contents:
    """Stands in for Bolt's app, and remembers what is registered."""

    def __init__(self) -> None:
        self.listeners: list[str] = []

    def use(self, _middleware: object) -> None:
        """Take what goes before every listener."""

    def error(self, _handler: object) -> None:
        """Take what answers for those that fail."""

    def __getattr__(self, kind: str) -> Callable[..., Callable[[object], object]]:
        def register(what: str | re.Pattern[str]) -> Callable[[object], object]:
            if isinstance(what, str):
                self.listeners.append(f"{kind} {what}")
            return lambda listener: listener

        return register


def registered() -> list[str]:
    contents = Contents()
    slack.register(contents, None)  # type: ignore[arg-type] # Nothing is called.
    return contents.listeners


def for_managers() -> list[str]:
    """Name every action, form and menu of options that isn't named above."""
    pressed = [one for one in registered() if one.partition(" ")[0] in {"action", "view", "options"}]
    return [one for one in pressed if one not in FOR_MEMBERS | FOR_ANYBODY]


async def everything(database: Database) -> dict[str, list[Any]]:
    async with database.read() as session:
        return {
            table.name: sorted(map(str, (await session.execute(select(table))).all()))
            for table in tables.metadata.sorted_tables
            if table.name not in PASSING
        }


async def about(stage: Stage, listener: str) -> str:
    """Give the id of what a listener is about: our source's, or our destination's."""
    async with stage.database.read() as session:
        if re.search("source|segment|stripe|records", listener):
            return (await source.of_workspace(session, ACME))[0].id
        return (await destination.of_workspace(session, ACME))[0].id


async def use(stage: Stage, listener: str, *, user: str, team: str = ACME) -> list[Answer]:
    """Press, choose or submit what a listener listens to, in each way that there is."""
    kind, _, name = listener.partition(" ")
    who, subject = {"user": user, "team": team}, await about(stage, listener)
    match kind:
        case "view":
            view = {"callback_id": name, "private_metadata": subject, "blocks": []}
            return [await stage.submit(view, **who)]
        case "options":
            asked = {"type": "block_suggestion", "action_id": name, "block_id": "b", "value": ""}
            return [await stage.interaction(asked | {"view": {"id": "V1", "type": "modal", "blocks": []}}, **who)]
        case _:
            values = [f"{choice} {subject}" for choice in CHOICES.get(name, ())] or [subject]
            actions = [{"action_id": name, "value": one, "selected_option": {"value": one}} for one in values]
            return [await stage.press(action, **who) for action in actions]


@pytest.fixture
async def furnished(acme: Stage) -> Stage:
    """Give a workspace with a destination, a source and somebody else named as manager."""
    await acme.add_destination()
    await acme.add_source()
    await acme.sandbox.outbound.settled()
    for person in (acme.ada, acme.dana, acme.person(GUS)):
        await acme.home(person)
    return acme


def test_every_listener_has_somebody_for_whom_it_is() -> None:
    """Whoever adds a button that isn't for managers says for whom it is; the tests below press all others."""
    assert set(registered()) >= FOR_MEMBERS | FOR_ANYBODY
    assert len(for_managers()) > 40


@pytest.mark.parametrize(
    ("user", "team", "told"),
    [
        (DANA, ACME, "Only managers can change this. Ask "),
        (GUS, ACME, NOT_FOR_GUESTS.removesuffix("a Slack admin.")),
        (GINA, GLOBEX, ELSEWHERE),
    ],
    ids=["a member", "a guest", "somebody of another company"],
)
async def test_only_managers_change_anything(furnished: Stage, user: str, team: str, told: str) -> None:
    before = await everything(furnished.database)
    for listener in for_managers():
        opened = len(await furnished.browser.calls("views.open"))
        answers = await use(furnished, listener, user=user, team=team)
        assert {one.status for one in answers} == {200}, listener
        shown = [str(call["args"]["view"]) for call in (await furnished.browser.calls("views.open"))[opened:]]
        words = [one.text for one in answers if one.text not in {"", '{"options":[]}'}] + shown
        assert all(told in one for one in words), (listener, words)
        # Nobody of another company could have been shown a form to submit, and options have no words.
        if listener.startswith("action") or (listener.startswith("view") and team == ACME):
            assert len(words) == len(answers), listener
    assert await everything(furnished.database) == before


async def test_a_manager_does_change_things_by_the_same_presses(furnished: Stage) -> None:
    """The proof that the test above could fail."""
    before = await everything(furnished.database)
    for listener in ("action destination_menu", "action source_menu", "view source_remove", "view destination_delete"):
        await use(furnished, listener, user=ADA)
    after = await everything(furnished.database)
    assert {name for name in before if before[name] != after[name]} >= {"destinations", "sources", "audit_entries"}


async def test_guests_are_refused_everywhere_in_the_same_words(furnished: Stage) -> None:
    gus = furnished.person(GUS)
    await furnished.ada.invite("C0REVENUE", GUS)
    for typed in (
        "", "recap week", "account Northwind", "why Northwind", "mute Northwind", "unmute Northwind", "list",
        "deliveries", "new", "edit", "pause", "resume", "test", "help", "recpa", "nonsense",
    ):  # fmt: skip
        answered = await gus.run(f"/mrr {typed}".strip(), channel="C0GENERAL")
        assert answered.words == NOT_FOR_GUESTS, typed
    pressed = sorted(one.partition(" ")[2] for one in FOR_MEMBERS if one.startswith("action"))
    for name in pressed:
        place = {"place": "message", "user": GUS}
        for choice in CHOICES.get(name, ("acc_1",)):
            await furnished.press({"action_id": name, "value": choice, "selected_option": {"value": choice}}, **place)
    told = [one for one in await gus.messages("C0REVENUE") if one.is_ephemeral]
    assert {one.words for one in told} == {NOT_FOR_GUESTS}
    assert len(told) >= len(pressed)
