"""What the app is sent, held against samples of what Slack really sends: no unknown key, no other type."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).parents[5] / "shared" / "contracts" / "slack" / "samples"
# Documented by Slack, and absent from the samples because they were taken earlier or blanked as a whole.
DOCUMENTED = {
    "context_team_id",
    "context_enterprise_id",
    "response_urls",
    "view.blocks",
    "event.view.blocks",
    "message.blocks",
    "message.bot_profile.user_id",
    "event.blocks",
    "event.event_ts",
    "is_cleared",
}
# Slack sends these in the place of a value of any type, and the samples hold nothing to compare below them.
NOTHING = (None, [], {})


def sample(name: str) -> dict[str, Any]:
    path = SAMPLES / name
    if not path.exists():
        pytest.skip(f"The samples of Slack's payloads are not at {SAMPLES}.")
    return dict(json.loads(path.read_text()))


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    if path in DOCUMENTED or ours in NOTHING or theirs in NOTHING:
        return
    if not same_kind(ours, theirs):
        yield f"{path}: {type(ours).__name__}, not {type(theirs).__name__}"
    elif isinstance(ours, dict):
        for key, value in ours.items():
            below = f"{path}.{key}".lstrip(".")
            if key not in theirs and below not in DOCUMENTED:
                yield f"{below}: unknown"
            elif key in theirs:
                yield from differences(value, theirs[key], below)
    elif isinstance(ours, list) and ours and theirs:
        yield from differences(ours[0], theirs[0], f"{path}[0]")


def same_kind(ours: Any, theirs: Any) -> bool:
    numbers = (int, float)
    return type(ours) is type(theirs) or (type(ours) in numbers and type(theirs) in numbers)


@pytest.fixture
def ready(world: Any) -> Any:
    world.install()
    world.status = 200
    return world


VIEW = {
    "type": "modal",
    "callback_id": "form",
    "notify_on_close": True,
    "title": {"type": "plain_text", "text": "Title"},
    "submit": {"type": "plain_text", "text": "Save"},
    "blocks": [
        {
            "type": "actions",
            "elements": [{"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}],
        }
    ],
}


async def modal(world: Any) -> Any:
    trigger = world.sandbox.state.make_trigger(world.app.id, "T0ACME", "U0DANA")
    await world.client().views_open(trigger_id=trigger.id, view=VIEW)
    return await world.dana.modal()


async def test_a_command(ready: Any) -> None:
    await ready.dana.run("/echo hello", channel="#revenue")
    theirs = sample("app-backend/slash-commands/SlashCommandPayload.json")
    assert ready.received[0].body.keys() <= theirs.keys()
    assert theirs.keys() - ready.received[0].body.keys() == {"enterprise_id", "enterprise_name"}


async def test_a_click_in_a_view(ready: Any) -> None:
    await (await modal(ready)).click("Go")
    theirs = sample("app-backend/interactive-components/BlockActionPayload.json")
    assert list(differences(ready.payloads("block_actions")[0], theirs)) == []


async def test_a_click_in_a_message(ready: Any) -> None:
    client = ready.client()
    await client.conversations_join(channel="C0WINS")
    await client.chat_postMessage(channel="C0WINS", text="Hi", blocks=VIEW["blocks"])
    await (await ready.dana.message("#wins")).click("Go")
    theirs = sample("app-backend/interactive-components/BlockActionPayload.json")
    assert list(differences(ready.payloads("block_actions")[0], theirs)) == []


async def test_a_submission(ready: Any) -> None:
    await (await modal(ready)).submit()
    theirs = sample("app-backend/views/ViewSubmissionPayload.json")
    assert list(differences(ready.payloads("view_submission")[0], theirs)) == []


async def test_a_closing(ready: Any) -> None:
    await (await modal(ready)).close()
    theirs = sample("app-backend/views/ViewClosedPayload.json")
    assert list(differences(ready.payloads("view_closed")[0], theirs)) == []


async def test_the_opening_of_a_home_tab(ready: Any) -> None:
    home = {"type": "home", "blocks": VIEW["blocks"]}
    await ready.client().views_publish(user_id="U0DANA", view=home)
    await ready.dana.do("home")
    theirs = sample("events/AppHomeOpenedPayload.json")
    assert list(differences(ready.received[0].body, theirs)) == []


async def test_a_mention_and_a_joining(ready: Any) -> None:
    await ready.dana.invite("C0DEALS", ready.bot)
    await ready.dana.say("C0DEALS", f"<@{ready.bot}> hello")
    await ready.sandbox.outbound.settled()
    for kind, name in (("member_joined_channel", "MemberJoinedChannel"), ("app_mention", "AppMention")):
        envelope = next(one.body for one in ready.received if one.body["event"]["type"] == kind)
        assert list(differences(envelope, sample(f"events/{name}Payload.json"))) == []


EVENTS = [
    ("channel_archive", {"do": "archive", "channel": "C0WINS"}, "ChannelArchive"),
    ("channel_unarchive", {"do": "unarchive", "channel": "C0WINS"}, "ChannelUnarchive"),
    ("channel_rename", {"do": "rename", "channel": "C0WINS", "name": "won"}, "ChannelRename"),
    ("channel_id_changed", {"do": "change_channel_id", "channel": "C0WINS", "new_id": "C0WON"}, "ChannelIdChanged"),
    ("channel_shared", {"do": "share", "channel": "C0WINS", "with": "T0GLOBEX"}, "ChannelShared"),
    ("channel_unshared", {"do": "unshare", "channel": "C0PARTNERS", "with": "T0GLOBEX"}, "ChannelUnshared"),
    ("channel_deleted", {"do": "delete_channel", "channel": "C0WINS"}, "ChannelDeleted"),
    ("group_archive", {"do": "archive", "channel": "C0DEALS"}, "GroupArchive"),
    ("group_rename", {"do": "rename", "channel": "C0DEALS", "name": "won"}, "GroupRename"),
    ("group_left", {"do": "remove_bot", "workspace": "T0ACME", "channel": "C0DEALS"}, "GroupLeft"),
    ("member_left_channel", {"do": "remove_bot", "workspace": "T0ACME", "channel": "C0DEALS"}, "MemberLeftChannel"),
    ("user_change", {"do": "deactivate", "user": "U0DANA"}, "UserChange"),
    ("team_rename", {"do": "rename_workspace", "workspace": "T0ACME", "name": "Acme Inc"}, "TeamRename"),
    ("tokens_revoked", {"do": "revoke", "workspace": "T0ACME"}, "TokensRevoked"),
    ("app_uninstalled", {"do": "uninstall", "workspace": "T0ACME"}, "AppUninstalled"),
]


@pytest.mark.parametrize(("kind", "happening", "name"), EVENTS)
async def test_what_happens_to_a_workspace(
    ready: Any, monkeypatch: pytest.MonkeyPatch, kind: str, happening: dict[str, Any], name: str
) -> None:
    subscriptions = ready.app.manifest["settings"]["event_subscriptions"]
    monkeypatch.setitem(subscriptions, "bot_events", [kind])
    await ready.dana.invite("C0DEALS", ready.bot)
    await ready.browser.control(**happening)
    await ready.sandbox.outbound.settled()
    assert [one.body["event"]["type"] for one in ready.received] == [kind]
    assert list(differences(ready.received[0].body, sample(f"events/{name}Payload.json"))) == []
