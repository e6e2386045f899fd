"""The chaos panel: answers lost, the worker killed amid a send, a channel archived; and where one watches all heal."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from bot.sandbox.people import REVENUE
from tests.browser.seat import Seat
from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

LATE = 6
"""Seconds that Slack takes for the message amid which the worker is killed."""


async def test_the_ledger_tells_how_a_lost_answer_and_a_killed_worker_end_in_one_message_each(
    acme: Stage, ada: Seat
) -> None:
    _, webhook = await acme.add_source()
    await acme.add_destination()
    await ada.page.goto(f"{ada.slack_url}/chaos?as={ada.user}")
    panel = ada.page.locator("#readings")
    await expect(panel).to_contain_text("is running.")

    await arm(ada, "do it, but lose the answer")
    await acme.move(webhook, "Lost")
    await expect(row(panel, "Lost")).to_contain_text("delivered")
    await expect(row(panel, "Lost")).to_contain_text("found in Slack")

    await arm(ada, "answer late, after …", seconds=LATE)
    for name in ("Cut off", "Behind it"):
        await acme.move(webhook, name)
    await expect(row(panel, "Cut off")).to_contain_text("sending")
    await ada.press("Kill the worker")
    await expect(panel).to_contain_text("The worker was killed. Another one starts in")
    await expect(panel).to_contain_text("What goes to #revenue is held by the killed worker's lease for another")
    await expect(panel).to_contain_text("is running.")
    await expect(row(panel, "Cut off")).to_contain_text("sending")
    await expect(row(panel, "Behind it")).to_contain_text("pending")
    await expect(figure(panel, "delivered")).to_have_text("1")

    # Slack takes the message while nobody is there to hear of it; then the dead worker's lease runs out.
    await acme.until(lambda: has_arrived(acme, "Cut off"), seconds=2 * LATE)
    await ada.press("+1 hour")
    for name in ("Cut off", "Behind it"):
        await expect(row(panel, name)).to_contain_text("delivered")
    await expect(row(panel, "Cut off")).to_contain_text("found in Slack")
    await expect(figure(panel, "delivered")).to_have_text("3")
    await expect(panel).not_to_contain_text("lease")

    await ada.go(REVENUE)
    for name in ("Lost", "Cut off", "Behind it"):
        await expect(ada.messages(name)).to_have_count(1)
    await expect(ada.messages("may be a repeat")).to_have_count(0)


async def test_home_and_the_command_line_tell_of_a_broken_channel_until_it_works_again(acme: Stage, ada: Seat) -> None:
    _, webhook = await acme.add_source()
    await acme.add_destination()
    await acme.move(webhook, "Before")
    await ada.go(REVENUE)
    await expect(ada.messages("Before")).to_have_count(1)

    await ada.page.goto(f"{ada.slack_url}/chaos?as={ada.user}")
    await place(ada, "revenue").get_by_role("button", name="Archive", exact=True).click()
    await expect(place(ada, "revenue")).to_contain_text("archived")
    for name in ("First", "Second"):
        await acme.move(webhook, name)
    panel = ada.page.locator("#readings")
    await expect(row(panel, "First")).to_contain_text("the channel is archived")

    await ada.go()
    trouble = ada.section("I can't post to #revenue: the channel is archived.")
    await expect(trouble).to_contain_text(
        "2 updates are waiting; nothing is lost. Unarchive it, or choose another channel."
    )

    async def told() -> bool:
        listed = [(one["state"], one["reason"]) for one in await deliveries(acme)]
        return listed == [("delivered", None), ("retrying", "the channel is archived"), ("pending", None)]

    assert await acme.until(told)  # It is `sending` while it is being tried.

    # Trying while it is broken changes nothing; once it is mended, what waits goes out by itself.
    await ada.page.get_by_role("link", name="Messages").click()
    await expect(ada.messages("I can't post to #revenue")).to_have_count(1)
    tried = await acme.called("chat.postMessage")
    await ada.press("Try now")
    await expect(ada.messages("Trying now.")).to_have_count(1)
    await acme.until(lambda: has_called_more(acme, tried))
    await ada.go()
    await expect(trouble).to_contain_text("2 updates are waiting; nothing is lost.")
    await ada.page.goto(f"{ada.slack_url}/chaos?as={ada.user}")
    await place(ada, "revenue").get_by_role("button", name="Unarchive", exact=True).click()
    for name in ("First", "Second"):
        await ada.go(REVENUE)
        await expect(ada.messages(name)).to_have_count(1)
    await ada.go()
    await expect(ada.middle).to_contain_text("messages delivered today")
    await ada.page.get_by_role("link", name="Messages").click()
    await expect(ada.messages("Posting to #revenue works again. The 2 waiting updates were delivered")).to_have_count(1)
    assert [one["state"] for one in await deliveries(acme)] == ["delivered"] * 3


async def test_a_channel_that_other_companies_read_waits_until_a_manager_confirms_it(acme: Stage, ada: Seat) -> None:
    _, webhook = await acme.add_source()
    await acme.add_destination()
    await ada.page.goto(f"{ada.slack_url}/chaos?as={ada.user}")
    await place(ada, "revenue").get_by_role("button", name="Share with Globex").click()
    await expect(place(ada, "revenue")).to_contain_text("Stop sharing with Globex")
    await acme.move(webhook)

    await ada.go()
    await ada.page.get_by_role("link", name="Messages").click()
    await expect(ada.messages("the channel is now shared with another company")).to_have_count(1)
    await ada.open_modal("Edit “Every movement”", "Edit destination")
    await expect(ada.modal).to_contain_text("People of other companies read along in #revenue")
    await ada.submit()
    await expect(ada.modal).to_contain_text("Tick below that they may read our MRR")
    await ada.modal.get_by_label("Let people of other companies read our MRR there").check()
    await ada.submit_and_close()
    await ada.go(REVENUE)
    await expect(ada.messages("Northwind")).to_have_count(1)


async def deliveries(acme: Stage) -> list[dict[str, Any]]:
    """List the deliveries of movements as `runrate deliveries list` does, the oldest first."""
    keys = ",".join(key.get_secret_value() for key in acme.settings.secret_keys)
    settings = {"DATABASE_URL": acme.settings.database_url, "RUNRATE_SECRET_KEYS": keys}
    code = "from bot.cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, "deliveries", "list", "--json"),
        env=dict(os.environ) | settings,
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
    )
    answered, _ = await process.communicate()
    listed = json.loads(answered)["deliveries"]
    return [one for one in reversed(listed) if one["fact"]["kind"] == "movement"]


def place(seat: Seat, name: str) -> Locator:
    """Find a channel's line on the panel."""
    return seat.page.locator("#places tr").filter(has_text=name)


async def arm(seat: Seat, fault: str, *, seconds: int | None = None) -> None:
    """Order one misbehaviour of the next message."""
    form = seat.page.locator("#faults form")
    await form.get_by_label("Call").select_option("chat.postMessage")
    await form.get_by_label("Slack will").select_option(fault)
    if seconds is not None:
        await form.get_by_label("seconds").fill(str(seconds))
    await form.get_by_label("times").fill("1")
    await seat.press("Arm")
    await expect(seat.page.locator("#faults li")).to_have_count(1)


def row(panel: Locator, name: str) -> Locator:
    """Find the line of the delivery that tells of this account."""
    return panel.get_by_role("row").filter(has_text=name)


def figure(panel: Locator, name: str) -> Locator:
    return panel.locator(f"dt:text-is('{name}') + dd")


async def has_called_more(stage: Stage, times: int) -> bool:
    return await stage.called("chat.postMessage") > times


async def has_arrived(stage: Stage, name: str) -> bool:
    return any(name in one.text for one in stage.slack.channels[REVENUE].messages.values())
