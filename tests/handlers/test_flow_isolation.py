"""Two workspaces beside each other: what belongs to one does not exist for the other, however it is asked for."""

import asyncio
from typing import Any

import pytest

from bot.sandbox.people import ACME, GLOBEX, PARTNERS, REVENUE, SALES
from handlers.listening import ELSEWHERE
from models import account, attribute, audit, channel, delivery, destination, event, movement, person, source
from models.database import Database
from tests.stage import Answer, Stage, both_engines

pytestmark = both_engines

NO_DESTINATION = "There is no such destination"
NO_SOURCE = "There is no such source"


@pytest.fixture
async def both(stage: Stage) -> Stage:
    """Give the product, installed in Acme and in Globex."""
    await stage.install(ACME, GLOBEX)
    return stage


async def contents(database: Database, workspace: str) -> dict[str, Any]:
    """Say what a workspace has, by every query that lists something of one."""
    async with database.read() as session:
        return {
            "destinations": [one.name for one in await destination.of_workspace(session, workspace)],
            "paused": [one.name for one in await destination.of_workspace(session, workspace) if one.paused_at],
            "sources": [one.name for one in await source.of_workspace(session, workspace)],
            "accounts": sorted(one.external_id for one in await account.of_workspace(session, workspace)),
            "movements": [row[0].external_id for row in await movement.of_workspace(session, workspace)],
            "attributes": await attribute.keys(session, workspace),
            "deliveries": sorted(one.target for one in await delivery.of_workspace(session, workspace)),
            "events": len(await event.of_workspace(session, workspace)),
            "managers": await person.named_managers(session, workspace),
            "channels": sorted(await channel.known(session, workspace)),
        }


async def test_two_workspaces_share_names_and_nothing_else(both: Stage) -> None:
    _, acmes = await both.add_source(ACME, name="Billing")
    _, globexs = await both.add_source(GLOBEX, name="Billing")
    await both.add_destination("Every movement", [REVENUE])
    await both.add_destination("Every movement", [SALES], person=both.gina)
    await asyncio.gather(
        both.move(acmes, "Northwind", id="1", account={"external_id": "c1", "attributes": {"ours": True}}),
        both.move(globexs, "Initech", id="1", account={"external_id": "c1", "attributes": {"theirs": True}}),
    )
    await both.ada.message(REVENUE, containing="c1")
    await both.gina.message(SALES, containing="c1")

    ours, theirs = await contents(both.database, ACME), await contents(both.database, GLOBEX)
    shared = {
        "destinations": ["Every movement"],
        "paused": [],
        "sources": ["Billing"],
        "accounts": ["c1"],
        "movements": ["1"],
    }
    assert ours == shared | {
        "attributes": ["ours"],
        "deliveries": [REVENUE],
        "events": 1,
        "managers": [],
        "channels": [REVENUE],
    }
    assert theirs == shared | {
        "attributes": ["theirs"],
        "deliveries": [SALES],
        "events": 1,
        "managers": [],
        "channels": [SALES],
    }
    assert len(await both.browser.stored(ACME, REVENUE)) == 1
    assert len(await both.browser.stored(GLOBEX, SALES)) == 1

    home = await both.home(both.gina)
    assert "Runrate in Globex" in home.words
    assert "Acme" not in str(home)
    assert REVENUE not in str(home)
    tokens = {both.token(ACME), both.token(GLOBEX)}
    assert len(tokens) == 2


async def test_each_workspace_is_answered_with_its_own_token(both: Stage) -> None:
    await asyncio.gather(*(both.home(who) for who in (both.ada, both.gina) for _ in range(3)))
    calls = await both.browser.calls("views.publish")
    assert {(call["workspace_id"], call["args"]["user_id"]) for call in calls} == {(ACME, "U0ADA"), (GLOBEX, "U1GINA")}


async def pressed(stage: Stage, action_id: str, value: str) -> Answer:
    return await stage.press({"action_id": action_id, "value": value}, user="U1GINA", workspace=GLOBEX)


async def chosen(stage: Stage, action_id: str, value: str) -> Answer:
    action = {"action_id": action_id, "type": "overflow", "selected_option": {"value": value}}
    return await stage.press(action, user="U1GINA", workspace=GLOBEX)


async def test_a_destination_of_another_workspace_does_not_exist(both: Stage) -> None:
    await both.add_destination("Secret plans", [REVENUE])
    async with both.database.read() as session:
        [found] = await destination.of_workspace(session, ACME)
    before = await contents(both.database, ACME)

    for answered in (
        pressed(both, "destination_edit", found.id),
        pressed(both, "recap_send_now", found.id),
        chosen(both, "destination_menu", f"edit {found.id}"),
        *(chosen(both, "destination_menu", f"{choice} {found.id}") for choice in ("pause", "resume", "test", "delete")),
    ):
        assert (await answered).status == 200
        modal = await both.gina.modal()
        assert NO_DESTINATION in modal.words
        assert "Secret plans" not in str(modal)
        await modal.close(all_of_them=True)
    assert (await pressed(both, "try_now", found.id)).status == 200

    values = {
        "destination_name": {"name": {"type": "plain_text_input", "value": "Stolen"}},
        "destination_recipients": {
            "channels": {"type": "multi_conversations_select", "selected_conversations": [SALES]}
        },
    }
    view = {"private_metadata": found.id, "state": {"values": values}}
    blocks = [{"type": "input", "block_id": "destination_name"}]
    gina = {"user": "U1GINA", "workspace": GLOBEX}
    saved = await both.submit(view | {"callback_id": "destination_save", "blocks": blocks}, **gina)
    drawn = saved.json["view"]
    assert "*Somebody deleted this destination* after you opened the form." in str(drawn)
    assert drawn["title"]["text"] == "New destination"
    assert not any(secret in str(drawn) for secret in ("Secret plans", REVENUE, found.id))
    deleted = await both.submit(view | {"callback_id": "destination_delete"}, **gina)
    assert NO_DESTINATION in str(deleted.json["view"])
    paused = await both.submit({"private_metadata": found.id, "callback_id": "destination_pause"}, **gina)
    assert NO_DESTINATION in str(paused.json["view"])
    assert await contents(both.database, ACME) == before


async def test_a_source_of_another_workspace_does_not_exist(both: Stage) -> None:
    source_id, webhook = await both.add_source(ACME, name="Secret billing")
    before = await contents(both.database, ACME)
    menu = [f"{choice} {source_id}" for choice in ("details", "show", "rotate", "pause", "resume", "remove")]
    for answered in (*(chosen(both, "source_menu", one) for one in menu), pressed(both, "source_details", source_id)):
        assert (await answered).status == 200
        modal = await both.gina.modal()
        assert NO_SOURCE in modal.words
        assert "Secret billing" not in str(modal)
        assert "/in/" not in str(modal)
        await modal.close(all_of_them=True)
    for callback in ("source_save", "source_rotate", "source_remove"):
        view = {"callback_id": callback, "private_metadata": source_id}
        assert NO_SOURCE in str((await both.submit(view, user="U1GINA", workspace=GLOBEX)).json)
    assert await contents(both.database, ACME) == before
    assert (await both.try_to_move(webhook)).status == 200
    async with both.database.read() as session:
        assert [one.action for one in await audit.of_workspace(session, GLOBEX)] == ["workspace.installed"]


async def test_a_channel_of_another_workspace_is_one_that_we_are_not_in(both: Stage) -> None:
    values = {
        "destination_name": {"name": {"type": "plain_text_input", "value": "Stolen"}},
        "destination_recipients": {
            "channels": {"type": "multi_conversations_select", "selected_conversations": [REVENUE]}
        },
    }
    view = {"callback_id": "destination_save", "state": {"values": values}}
    answer = await both.submit(view, user="U1GINA", workspace=GLOBEX)
    assert "I'm not in the private channel" in answer.json["errors"]["destination_recipients"]


async def test_a_delivery_of_another_workspace_does_not_exist(both: Stage) -> None:
    _, webhook = await both.add_source(ACME)
    await both.add_destination()
    await both.move(webhook)
    await both.ada.message(REVENUE, containing="Northwind")
    async with both.database.read() as session:
        [sent] = await delivery.of_workspace(session, ACME)
        assert (await delivery.get(session, ACME, sent.id)).id == sent.id
        with pytest.raises(delivery.DeliveryUnknownError):
            await delivery.get(session, GLOBEX, sent.id)
        assert await movement.get(session, GLOBEX, sent.fact_id) is None


@pytest.mark.parametrize("callback", ["destination_save", "source_remove"])
async def test_somebody_of_another_company_in_a_shared_channel_is_turned_away(acme: Stage, callback: str) -> None:
    """The button is Acme's, in a channel shared by Slack Connect; the one who presses it is at home in Globex."""
    await acme.add_destination()
    source_id, _ = await acme.add_source()
    before, opened = await contents(acme.database, ACME), await acme.called("views.open")
    gina = {"user": "U1GINA", "team": GLOBEX}
    url = acme.response_url("U1GINA", channel=PARTNERS)
    payload = {
        "type": "block_actions",
        "trigger_id": acme.trigger("U1GINA"),
        "response_url": url,
        "container": {"type": "message", "channel_id": PARTNERS, "message_ts": "1.1"},
        "actions": [{"type": "button", "action_id": "source_add", "block_id": "b", "action_ts": "1.1"}],
    }
    assert (await acme.interaction(payload, **gina)).status == 200
    assert (await acme.gina.message(PARTNERS, containing=ELSEWHERE)).is_ephemeral
    assert (await acme.submit({"callback_id": callback, "private_metadata": source_id}, **gina)).status == 200
    assert await acme.called("views.open") == opened
    assert await contents(acme.database, ACME) == before


async def test_an_uninstall_in_one_workspace_changes_nothing_in_the_other(both: Stage) -> None:
    _, webhook = await both.add_source(GLOBEX)
    await both.add_destination("Every movement", [SALES], person=both.gina)
    await both.browser.control("uninstall", workspace=ACME)
    await both.sandbox.outbound.settled()
    await both.move(webhook)
    await both.gina.message(SALES, containing="Northwind")
    assert "Runrate in Globex" in (await both.home(both.gina)).words
