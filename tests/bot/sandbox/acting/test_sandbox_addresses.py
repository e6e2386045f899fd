"""Where links lead on this machine."""

from typing import Any

import pytest

from bot.sandbox.addresses import Addresses

TS = "1795176000.000100"
ACME = "https://acme.slack.com/archives"


@pytest.fixture
def leads(world: Any) -> Addresses:
    world.install()
    return Addresses(world.sandbox.state, world.sandbox.state.people["U0DANA"])


@pytest.mark.parametrize(
    ("url", "to"),
    [
        (f"{ACME}/C0WINS/p1795176000000100", f"/?as=U0DANA&at=C0WINS&m={TS}"),
        (f"{ACME}/C0WINS/p1795176000000100?thread_ts=1.2&cid=C0WINS", f"/?as=U0DANA&at=C0WINS&m={TS}"),
        (f"{ACME}/C0WINS", "/?as=U0DANA&at=C0WINS"),
        ("https://elsewhere.slack.com/archives/C0WINS", "https://elsewhere.slack.com/archives/C0WINS"),
        ("slack://channel?team=T0ACME&id=C0WINS", "/?as=U0DANA&at=C0WINS"),
        ("slack://app?team=T0ACME&id=A0ECHO&tab=home", "/?as=U0DANA&at=home"),
        ("https://slack.com/app_redirect?app=A0ECHO&channel=C0WINS", "/?as=U0DANA&at=C0WINS"),
        ("https://pretend.example.com/reports/1?x=1#y", "http://127.0.0.1:9/reports/1?x=1#y"),
        ("https://pretend.example.com", "http://127.0.0.1:9/"),
        ("https://example.com/reports/1", "https://example.com/reports/1"),
    ],
)  # fmt: skip
def test_links_lead_to_where_they_are_played(leads: Addresses, url: str, to: str) -> None:
    assert leads(url) == to


async def test_the_apps_messages_tab_is_its_direct_conversation(world: Any, leads: Addresses) -> None:
    await world.client().chat_postMessage(channel="U0DANA", text="Hi")
    direct = world.sandbox.state.direct("T0ACME", ["U0DANA", world.bot])
    assert leads(f"slack://app?team=T0ACME&id={world.app.id}&tab=messages") == f"/?as=U0DANA&at={direct.id}"


async def test_a_permalink_can_be_followed_and_points_at_the_message(world: Any) -> None:
    world.install()
    ts = await world.dana.say("#wins", "Look here")
    path = f"/archives/C0WINS/p{ts.replace('.', '')}"
    shown = await world.browser.open(f"{world.sandbox.url}{path}?as=U0DANA")
    assert shown.url.endswith(f"/?as=U0DANA&at=C0WINS&m={ts}")
    assert f'id="m-{ts}"' in shown.html
    assert f'data-link="https://acme.slack.com{path}"' in shown.html


async def test_a_button_with_an_address_says_where_it_leads(world: Any) -> None:
    world.install()
    world.status = 200
    await world.client().conversations_join(channel="C0WINS")
    url = "https://pretend.example.com/reports/1"
    button = {"type": "button", "action_id": "go", "url": url, "text": {"type": "plain_text", "text": "Open"}}
    posted = await world.client().chat_postMessage(
        channel="C0WINS", text="Hi", blocks=[{"type": "actions", "elements": [button]}]
    )
    answer = await world.dana.do("click", at={"channel": "C0WINS", "ts": posted["ts"]}, action_id="go")
    assert (answer["url"], answer["leads"]) == (url, "http://127.0.0.1:9/reports/1")
