"""“Mute this account…” in a message's menu: a manager silences it in the destination, anybody in their own messages."""

import json
from typing import Any

from bot.sandbox.people import ACME, ADA, PAT, REVENUE
from bot.sandbox.person import Message, Modal
from models import delivery
from models.delivery import DeliveryState, SkipReason
from tests.stage import Stage, both_engines

MUTE = "Mute this account…"
OWNER = {"type": "role", "account_external_id": "contoso", "role": "owner", "email": "dana@acme.com"}


async def ask(message: Message) -> Modal:
    modal = await message.click(MUTE)
    assert modal is not None
    return modal


async def told(posting: tuple[Stage, str], person: str) -> Message:
    """Let a movement be told in #revenue, and look at it as somebody."""
    acme, webhook = posting
    await acme.move(webhook)
    return await acme.person(person).message(REVENUE, containing="*Northwind*")


async def hire(acme: Stage, webhook: str, name: str) -> None:
    """Tell Dana, who owns Contoso, of somebody new there."""
    at, account = acme.clock.now().isoformat(), {"external_id": "contoso", "name": "Contoso"}
    signal: dict[str, Any] = {"type": "signal", "kind": "new_hire", "person": name, "account": account}
    sent = json.dumps([OWNER, {**signal, "occurred_at": at}]).encode()
    assert (await acme.post(webhook, sent, kind="application/json")).status == 200


async def skipped(acme: Stage) -> list[str | None]:
    async with acme.database.read() as session:
        found = await delivery.of_workspace(session, ACME, state=DeliveryState.SKIPPED)
    return [one.reason for one in found]


async def test_a_manager_silences_an_account_in_the_destination_and_undoes_it(posting: tuple[Stage, str]) -> None:
    acme, webhook = posting
    modal = await ask(await told(posting, "U0ADA"))
    assert modal.filled["Where?"]["text"]["text"] == "In “Every movement”, for everybody it tells"
    done = await modal.submit({"For how long?": "1 day"})
    assert done.modal is not None
    assert "*Northwind* is muted in “Every movement” until" in done.modal.words
    await acme.move(webhook)
    await acme.until(lambda: skipped(acme))
    assert await skipped(acme) == [SkipReason.MUTED]
    await done.modal.click("Undo")
    assert "is not muted any more" in (await acme.ada.modal()).words
    await acme.move(webhook, plan="Scale")
    await acme.ada.message(REVENUE, containing="Scale")
    assert len(await skipped(acme)) == 1


@both_engines
async def test_anybody_silences_it_in_their_own_direct_messages_and_nowhere_else(posting: tuple[Stage, str]) -> None:
    acme, webhook = posting
    await hire(acme, webhook, "Sofia Marín")
    modal = await ask(await acme.dana.message("@Runrate", containing="Sofia Marín"))
    assert "Where?" not in modal.filled
    done = await modal.submit({"For how long?": "Until it is undone"})
    assert done.modal is not None
    assert "*Contoso* is muted in your direct messages until it is undone." in done.modal.words
    await hire(acme, webhook, "Ana Ruiz")
    await acme.until(lambda: skipped(acme))
    await acme.move(webhook, "Contoso", account={"external_id": "contoso", "name": "Contoso"})
    await acme.dana.message(REVENUE, containing="*Contoso*")


async def test_whoever_asks_why_reads_of_the_mute_and_a_manager_undoes_it_there(posting: tuple[Stage, str]) -> None:
    acme, webhook = posting
    modal = await ask(await told(posting, "U0ADA"))
    assert (await modal.submit({"For how long?": "Until it is undone"})).modal is not None
    await acme.person(PAT).run("/mrr why Northwind", channel=REVENUE)
    [member] = [one for one in await acme.person(PAT).messages(REVENUE) if one.is_ephemeral]
    assert "a manager muted it there until it is undone" in member.words
    assert "Undo" not in member.buttons
    await acme.ada.run("/mrr why Northwind", channel=REVENUE)
    [manager] = [one for one in await acme.ada.messages(REVENUE) if one.is_ephemeral]
    await manager.click("Undo")
    await acme.move(webhook, plan="Scale")
    await acme.ada.message(REVENUE, containing="Scale")


async def test_a_manager_finds_it_in_the_details_of_the_destination_and_undoes_it_there(
    posting: tuple[Stage, str],
) -> None:
    acme, webhook = posting
    modal = await ask(await told(posting, ADA))
    done = await modal.submit({"For how long?": "1 week"})
    assert done.modal is not None
    await done.modal.close()
    details = await (await acme.home()).click("Details", near="Every movement")
    assert details is not None
    assert f"<@{ADA}> muted Northwind for a week" in details.words
    assert f", by <@{ADA}>" in details.words
    await details.click("Undo")
    details = await acme.ada.modal(containing="let it tell of Northwind again")
    assert "Muted here" not in details.words
    await acme.move(webhook, plan="Scale")
    await acme.ada.message(REVENUE, containing="Scale")


async def test_who_manages_nothing_can_t_silence_a_channel_by_a_form_made_by_hand(posting: tuple[Stage, str]) -> None:
    acme, webhook = posting
    modal = await ask(await told(posting, PAT))
    forged = {"mute_place": {"mute_place": {"selected_option": {"value": "destination"}}}}
    view = {**modal, "state": {"values": forged}, "team_id": ACME}
    answer = await acme.interaction({"type": "view_submission", "view": view}, user=PAT)
    assert "Only managers" in answer.text
    await acme.move(webhook, "Initech")
    await acme.ada.message(REVENUE, containing="*Initech*")


async def test_a_manager_may_silence_only_themselves_too(posting: tuple[Stage, str]) -> None:
    modal = await ask(await told(posting, "U0ADA"))
    done = await modal.submit({"Where?": "In my own direct messages"})
    assert done.modal is not None
    assert "in your direct messages until" in done.modal.words
    again = await ask(await told(posting, "U0ADA"))
    assert "in your direct messages until" in again.words
