"""Links that the app may unfurl: what it is told, what it answers, and what stands under the message."""

import json
from typing import Any

import pytest

URL = "https://example.test/reports/1?a=1&b=2"
PRETEND = "https://pretend.example.com/reports/1"


@pytest.fixture
def ready(world: Any) -> Any:
    world.install()
    world.status = 200
    return world


async def shared(world: Any, channel: str, text: str, **more: Any) -> Any:
    """Let Dana post, and return what the app was told."""
    ts = await world.dana.say(channel, text, **more)
    await world.sandbox.outbound.settled()
    events = world.events("link_shared")
    return ts, events[-1]["event"] if events else None


async def test_the_app_hears_of_links_on_its_domain_wherever_they_are_posted(ready: Any) -> None:
    ts, event = await shared(ready, "C0DEALS", f"See {URL} and https://elsewhere.test/x and {URL}")
    assert event["links"] == [{"domain": "example.test", "url": URL}]
    assert (event["channel"], event["user"], event["message_ts"]) == ("C0DEALS", "U0DANA", ts)
    assert (event["is_bot_user_member"], event["source"]) == (False, "conversations_history")
    assert event["unfurl_id"].startswith(f"C0DEALS.{ts}.")
    assert "thread_ts" not in event


async def test_a_member_a_subdomain_and_a_thread_are_told(ready: Any) -> None:
    await ready.client().conversations_join(channel="C0WINS")
    first = await ready.ada.say("#wins", "Hello")
    _, event = await shared(ready, "C0WINS", "https://app.example.test:8443/x", thread_ts=first)
    assert (event["is_bot_user_member"], event["thread_ts"]) == (True, first)
    assert event["links"] == [{"domain": "example.test", "url": "https://app.example.test:8443/x"}]


async def test_a_pretend_domain_counts_as_the_apps_own(ready: Any) -> None:
    _, event = await shared(ready, "C0WINS", PRETEND)
    assert event["links"] == [{"domain": "pretend.example.com", "url": PRETEND}]
    assert 'href="http://127.0.0.1:9/reports/1"' in (await ready.page("U0DANA", "C0WINS")).html


@pytest.mark.parametrize(
    "text", ["nothing", "http://127.0.0.1:9/x", "`https://example.test/1`", "https://notexample.test/1"]
)
async def test_other_messages_are_not_told(ready: Any, text: str) -> None:
    assert (await shared(ready, "C0WINS", text))[1] is None


async def test_nobody_is_told_without_the_scope(ready: Any) -> None:
    ready.sandbox.state.installations[ready.app.id, "T0ACME"].scopes.remove("links:read")
    assert (await shared(ready, "C0WINS", URL))[1] is None


async def test_a_guest_from_another_workspace_is_not_told_of(ready: Any) -> None:
    await ready.browser.person("T0GLOBEX", "U1GINA").say("#ext-partners", URL)
    await ready.sandbox.outbound.settled()
    assert ready.events("link_shared") == []


async def test_an_unfurl_stands_under_the_message_as_the_apps(ready: Any) -> None:
    _, event = await shared(ready, "C0DEALS", f"See {URL}")
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*MRR this month*"}}]
    await ready.client().chat_unfurl(
        unfurl_id=event["unfurl_id"], source=event["source"], unfurls={URL: {"blocks": blocks}}
    )
    shown = await ready.page("U0DANA", "C0DEALS")
    assert "MRR this month Added by Echo" in shown.text
    assert (await ready.dana.messages("C0DEALS"))[0].words.endswith("*MRR this month*")


async def test_an_unfurl_id_is_good_only_for_what_it_was_made_for(ready: Any) -> None:
    _, event = await shared(ready, "C0DEALS", URL)
    ready.install("T0GLOBEX", "U1GINA")
    unfurls = {URL: {"text": "x"}}
    for client, source in ((ready.client("T0GLOBEX"), "conversations_history"), (ready.client(), "composer")):
        with pytest.raises(Exception, match="invalid_unfurl_id"):
            await client.chat_unfurl(unfurl_id=event["unfurl_id"], source=source, unfurls=unfurls)
    with pytest.raises(Exception, match="cannot_unfurl_url"):
        await ready.client().chat_unfurl(channel="C0DEALS", ts=event["message_ts"], unfurls={f"{URL}3": {"text": "x"}})


async def test_a_click_in_an_unfurl_is_the_apps_though_the_message_is_not(ready: Any) -> None:
    ts, _ = await shared(ready, "C0DEALS", URL)
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Open"}}
    unfurl = {"blocks": [{"type": "actions", "elements": [button]}]}
    await ready.client().chat_unfurl(channel="C0DEALS", ts=ts, unfurls={URL: unfurl})
    await (await ready.dana.messages("C0DEALS"))[0].click("Open")
    told = ready.payloads("block_actions")[0]
    assert "message" not in told
    assert told["app_unfurl"]["app_unfurl_url"] == URL
    container = {"type": "message_attachment", "is_app_unfurl": True, "app_unfurl_url": URL, "attachment_id": 1}
    assert container.items() <= told["container"].items()


async def test_an_answer_to_a_click_in_an_unfurl_leaves_the_message_alone(ready: Any) -> None:
    ts, _ = await shared(ready, "C0DEALS", f"Mine {URL}")
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Open"}}
    await ready.client().chat_unfurl(
        channel="C0DEALS", ts=ts, unfurls={URL: {"blocks": [{"type": "actions", "elements": [button]}]}}
    )
    await (await ready.dana.messages("C0DEALS"))[0].click("Open")
    address = ready.payloads("block_actions")[0]["response_url"]
    answer = json.dumps({"replace_original": True, "text": "Replaced"})
    async with ready.browser.session.post(
        address, data=answer, headers={"Content-Type": "application/json"}
    ) as response:
        assert response.status == 200
    texts = [one["text"] for one in await ready.browser.stored("T0ACME", "C0DEALS")]
    assert texts == [f"Mine <{URL.replace('&', '&amp;')}>"]
