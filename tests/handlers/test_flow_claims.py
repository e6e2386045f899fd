"""Claim: whoever presses takes care of it, its thread says so, and whoever comes later learns who has it."""

import asyncio
import json
from typing import Any

import pytest

from bot.sandbox.people import ADA, DANA, GUS, LIAM, PAT, REVENUE
from tests.stage import NOT_FOR_GUESTS, Stage, both_engines

CLAIM = "Claim"
OWNER = {"type": "role", "account_external_id": "contoso", "role": "owner", "email": "dana@acme.com"}


async def told(posting: tuple[Stage, str]) -> Stage:
    """Let a movement be told in #revenue."""
    acme, webhook = posting
    await acme.move(webhook)
    await acme.ada.message(REVENUE, containing="Expansion *+$420")
    return acme


async def press(acme: Stage, user: str) -> None:
    """Press “Claim”, or what stands in its place once it is known who has it."""
    message = await acme.person(user).message(REVENUE, containing="Expansion *+$420")
    [words] = [one for one in message.buttons if one.startswith(CLAIM)]
    assert await message.click(words) is None


async def answers(acme: Stage, user: str) -> list[str]:
    """Give what only this person was told."""
    return [one.words for one in await acme.person(user).messages(REVENUE) if one.is_ephemeral]


async def thread(acme: Stage, containing: str) -> None:
    """Wait until the movement's thread says something."""
    reply = await acme.ada.message(REVENUE, containing=containing)
    first = await acme.ada.message(REVENUE, containing="Expansion *+$420")
    assert reply["thread_ts"] == first["ts"]
    return reply


async def test_whoever_claims_it_has_it_and_the_thread_says_so(posting: tuple[Stage, str]) -> None:
    acme = await told(posting)
    await press(acme, DANA)
    await thread(acme, "*Dana Reyes* takes care of this: Northwind")
    assert "You take care of *Northwind* now." in (await answers(acme, DANA))[0]
    told_of_it = await acme.ada.message(REVENUE, containing="claimed by Dana Reyes")
    assert "Claimed by Dana Reyes" in told_of_it.buttons


async def test_whoever_comes_second_is_told_who_has_it(posting: tuple[Stage, str]) -> None:
    acme = await told(posting)
    await press(acme, DANA)
    await press(acme, LIAM)
    [answer] = [one for one in await acme.person(LIAM).messages(REVENUE) if one.is_ephemeral]
    assert answer.words.startswith(f"<@{DANA}> has taken care of *Northwind* since")
    assert answer.buttons == []
    await press(acme, DANA)
    assert (await answers(acme, DANA))[1].startswith("You have taken care of *Northwind* since")


@both_engines
async def test_of_two_who_press_at_the_same_instant_one_wins(posting: tuple[Stage, str]) -> None:
    acme = await told(posting)
    await asyncio.gather(press(acme, DANA), press(acme, LIAM))
    said = [*await answers(acme, DANA), *await answers(acme, LIAM)]
    assert sorted("You take care" in one for one in said) == [False, True]
    await thread(acme, "takes care of this")
    assert len([one for one in await acme.ada.messages(REVENUE) if "takes care of this" in one.words]) == 1


@pytest.mark.parametrize(
    ("user", "says"),
    [(DANA, "*Dana Reyes* let this go: Northwind is free"), (ADA, "*Ada Okafor* released what Dana Reyes had taken")],
)
async def test_whoever_has_it_or_a_manager_lets_it_go(posting: tuple[Stage, str], user: str, says: str) -> None:
    acme = await told(posting)
    await press(acme, DANA)
    if user != DANA:
        await press(acme, user)
    [answer] = [one for one in await acme.person(user).messages(REVENUE) if one.is_ephemeral]
    assert await answer.click("Release") is None
    await thread(acme, says)
    await press(acme, LIAM)
    await thread(acme, "*Liam Novak* takes care of this")


async def test_letting_go_again_says_who_has_it_by_now(posting: tuple[Stage, str]) -> None:
    acme = await told(posting)
    for _ in range(2):
        await press(acme, DANA)
    first, second = [one for one in await acme.dana.messages(REVENUE) if one.is_ephemeral]
    assert await first.click("Release") is None
    assert "Nobody takes care of *Northwind* now. The thread says so." in await answers(acme, DANA)
    await press(acme, LIAM)
    assert await second.click("Release") is None
    assert f"<@{LIAM}> has taken care of *Northwind* since" in "".join(await answers(acme, DANA))


async def test_a_guest_is_told_whom_to_ask(posting: tuple[Stage, str]) -> None:
    acme = await told(posting)
    await acme.ada.invite(REVENUE, GUS)
    await press(acme, GUS)
    assert await answers(acme, GUS) == [NOT_FOR_GUESTS]
    assert await acme.called("chat.postMessage") == 1


async def test_a_claim_of_what_another_took_is_let_go_by_nobody_else(posting: tuple[Stage, str]) -> None:
    """The button is Dana's; a request made by hand from somebody else's is refused all the same."""
    acme = await told(posting)
    await press(acme, DANA)
    [answer] = [one for one in await acme.dana.messages(REVENUE) if one.is_ephemeral]
    [button] = [one["accessory"] for one in answer["blocks"] if "accessory" in one]
    sent = {"type": "button", "action_id": button["action_id"], "value": button["value"]}
    await acme.press(sent, place="message", user=PAT)
    await press(acme, LIAM)
    assert f"<@{DANA}> has taken care" in (await answers(acme, LIAM))[0]
    await acme.press({**sent, "value": "clm_unknown"}, place="message", user=PAT)
    assert "Nothing was let go: Runrate doesn't know this claim any more" in (await answers(acme, PAT))[1]


async def test_a_signal_is_claimed_by_its_button_in_the_owner_s_own_conversation(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    account = {"external_id": "contoso", "name": "Contoso"}
    hire: dict[str, Any] = {"type": "signal", "kind": "new_hire", "person": "Sofia Marín", "account": account}
    hire["occurred_at"] = acme.clock.now().isoformat()
    answer = await acme.post(webhook, json.dumps([OWNER, hire]).encode(), kind="application/json")
    assert answer.status == 200
    signal = await acme.dana.message("@Runrate", containing="Sofia Marín")
    assert "Mute this account…" in signal.buttons
    assert await signal.click(CLAIM) is None
    reply = await acme.dana.message("@Runrate", containing="*Dana Reyes* takes care of this: Contoso")
    assert reply["thread_ts"] == signal["ts"]
