"""From the set-up page to the Home tab in a real browser."""

import pytest
from playwright.async_api import expect

from bot.sandbox.people import ADA, PAT, WES
from tests.browser.conftest import Sit
from tests.browser.seat import Seat
from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_admin_installs_and_arrives_in_the_home_tab(stage: Stage, ada: Seat) -> None:
    page = ada.page
    await page.goto(stage.url)
    await expect(page.get_by_role("listitem").filter(has_text="Permissions")).to_contain_text("Waiting")
    await page.get_by_role("link", name="Add to Slack").click()
    await expect(page.get_by_label("Who is installing")).to_have_value(ada.user)
    await page.get_by_role("checkbox", name="groups:history").uncheck()
    await ada.press("Allow")
    await expect(page.get_by_role("heading", name="Runrate is in Acme")).to_be_visible()
    await expect(page.get_by_text("groups:history")).to_be_visible()

    await page.get_by_role("link", name="Open Slack").click()
    await expect(page).to_have_url(f"{stage.sandbox.url}/")
    await expect(ada.middle).to_contain_text("Runrate in Acme")
    await expect(ada.button("Add source")).to_be_visible()
    await expect(ada.middle).to_contain_text("groups:history")

    await page.get_by_role("link", name="Messages").click()
    await expect(ada.messages("What Runrate tells you alone comes here")).to_contain_text(
        "Two steps bring MRR into Slack"
    )
    await ada.open_modal("Add source", "Add source")
    await page.keyboard.press("Escape")

    await page.goto(stage.url)
    await expect(page.get_by_role("listitem").filter(has_text="Events from Slack")).to_contain_text("OK")


async def test_who_is_no_admin_gets_a_message_for_one(stage: Stage, pat: Seat) -> None:
    page = pat.page
    await page.goto(stage.url)
    await page.get_by_role("link", name="Add to Slack").click()
    await page.get_by_label("Who is installing").select_option(PAT)
    await pat.press("Allow")
    await expect(page.get_by_role("button", name="Copy the message")).to_be_visible()
    pat.broken.clear()  # The browser notes the answer 403.
    await pat.go()
    await expect(pat.middle).to_contain_text("Runrate is not installed in Acme.")


async def test_the_page_waits_for_the_installation_and_draws_the_home_tab_by_itself(stage: Stage, sit: Sit) -> None:
    ada = await sit("U0ADA")
    await ada.go()
    await expect(ada.middle).to_contain_text("Runrate is not installed in Acme.")
    await stage.install()
    await expect(ada.button("Add source")).to_be_visible()


async def test_cancelling_says_that_nothing_was_installed(stage: Stage, ada: Seat) -> None:
    await ada.page.goto(stage.url)
    await ada.page.get_by_role("link", name="Add to Slack").click()
    await ada.press("Cancel")
    await expect(ada.page.locator("main")).to_contain_text("nothing")
    assert not stage.slack.installations


async def test_an_organisation_installs_once_and_adds_a_workspace(stage: Stage, sit: Sit) -> None:
    """From the chaos panel, which makes the organisation, to the Home tab of the workspace that is added there."""
    wes = await sit(WES)
    page = wes.page
    await page.goto(f"{stage.sandbox.url}/chaos?as={ADA}")
    await wes.press("Make both workspaces one organisation")
    await expect(page.locator("#app")).to_contain_text("Wes Umber, its admin, can install Runrate for all of it.")
    await page.goto(f"{stage.url}/slack/install")
    await page.get_by_label("Who is installing").select_option(WES)
    await page.get_by_label("Where").select_option(label="In the whole organisation Umbrella")
    await wes.press("Allow")
    await expect(page.get_by_role("heading", name="Runrate is in Umbrella")).to_be_visible()
    await page.get_by_role("link", name="Add it to workspaces").click()
    await wes.press("Add it to Acme")
    await expect(wes.button("Take it out of Acme")).to_be_visible()
    ada = await sit(ADA)
    await ada.go()
    await expect(ada.middle).to_contain_text("Runrate in Acme")
