"""The local Slack held against Slack's own contract: arguments, scopes, tiers, errors and the shapes of its answers.

The contract (method descriptions and blanked samples of real answers) is not part of this repository. Where it does
not stand beside the checkout, these tests are skipped.
"""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox, SlackApp, methods
from bot.sandbox.methods import COMMON_ERRORS, METHODS, Method
from bot.sandbox.people import ACME, DANA, DEALS, LIAM, PARTNERS, REVENUE

REPOSITORY = Path(__file__).resolve().parents[4]
CONTRACT = REPOSITORY.parent / "shared" / "contracts" / "slack"
pytestmark = pytest.mark.skipif(not CONTRACT.is_dir(), reason=f"Slack's contract is not there: {CONTRACT}")

# Slack documents these elsewhere than in the method's own list.
DOCUMENTED_ELSEWHERE = {
    # "Unfurling links in messages" names invalid_blocks; the other is its twin for what is no JSON.
    "chat.unfurl": {"invalid_blocks", "invalid_blocks_format"}
}
# The app's own words come back in these; what may stand in them is checked where they are sent.
ECHOES = frozenset({"args", "attachments", "blocks", "event_payload", "values"})
SPECIAL = "t5"


def described(name: str) -> dict[str, Any]:
    return dict(orjson.loads((CONTRACT / "methods" / f"{name}.json").read_bytes()))


@pytest.fixture(params=sorted(METHODS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=sorted(name for name, method in METHODS.items() if isinstance(method, Method)))
def method(request: pytest.FixtureRequest) -> Method:
    found = METHODS[request.param]
    assert isinstance(found, Method)
    return found


def test_a_method_requires_what_slack_requires(name: str) -> None:
    args = described(name)["args"]
    assert set(METHODS[name].required) <= set(args["properties"])
    assert set(args.get("required", [])) - {"token"} <= set(METHODS[name].required)


def test_a_method_raises_only_errors_that_slack_lists(name: str) -> None:
    listed = set(described(name).get("errors", {})) | COMMON_ERRORS | DOCUMENTED_ELSEWHERE.get(name, set())
    assert METHODS[name].errors <= listed


def test_a_method_asks_for_scopes_that_slack_names(method: Method) -> None:
    named = set((described(method.name).get("scope") or {}).get("bot", []))
    assert set(method.scopes) <= named
    assert bool(method.scopes) == bool(named)


def test_a_method_has_slacks_tier(method: Method) -> None:
    tier = described(method.name)["rate_limits"]
    assert tier == (SPECIAL if method.tier is None else f"t{method.tier}")


def raised_codes() -> Iterator[str]:
    """Yield each error code that stands as a literal in the methods."""
    folder = Path(inspect.getfile(methods)).parent
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("SlackError", "with_messages"):
                yield from (arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant))


def test_every_code_in_the_methods_is_declared_by_one_of_them() -> None:
    declared = COMMON_ERRORS.union(*(method.errors for method in METHODS.values()))
    assert set(raised_codes()) <= declared


def misfits(ours: Any, sample: Any, where: str = "") -> Iterator[str]:
    """Yield what in our answer has no place in the sample, or another type there."""
    if ours is None or sample == {}:
        # A blanked object without keys may hold anything.
        return
    if isinstance(ours, dict) and isinstance(sample, dict):
        for key, value in ours.items():
            if key not in sample:
                yield f"{where}/{key} is not in the sample"
            elif key not in ECHOES:
                yield from misfits(value, sample[key], f"{where}/{key}")
    elif isinstance(ours, list) and isinstance(sample, list):
        for value in ours:
            yield from misfits(value, sample[0], f"{where}[]") if sample else ()
    elif kind(ours) != kind(sample):
        yield f"{where} is {kind(ours)}, in the sample {kind(sample)}"


@pytest.mark.parametrize(
    ("ours", "sample", "found"),
    [
        ({"a": 1}, {"a": 2.5, "b": ""}, []),
        ({"a": [{"b": True}]}, {"a": [{"b": False}]}, []),
        ({"a": None}, {"a": ""}, []),
        ({"c": 1}, {"a": 1}, ["/c is not in the sample"]),
        ({"a": True}, {"a": 1}, ["/a is bool, in the sample number"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": ""}]}, ["/a[]/b is number, in the sample str"]),
    ],
)
def test_a_misfit_is_seen(ours: Any, sample: Any, found: list[str]) -> None:
    assert list(misfits(ours, sample)) == found


def kind(value: Any) -> str:
    return "number" if type(value) in (int, float) else type(value).__name__


class Answers:
    """Asks every method once, in an order in which each can answer."""

    def __init__(self, client: AsyncWebClient, sandbox: Sandbox, slack_app: SlackApp) -> None:
        self.client = client
        self.sandbox = sandbox
        self.slack_app = slack_app
        self.given: dict[str, Any] = {}

    async def ask(self, name: str, **arguments: Any) -> Any:
        answer = await self.client.api_call(name, json={key: value for key, value in arguments.items() if value})
        self.given[name] = answer.data
        return answer

    async def ask_all(self) -> dict[str, Any]:
        await self.ask_about_places()
        await self.ask_about_people()
        await self.ask_about_messages()
        await self.ask_about_files()
        await self.ask_about_views()
        await self.ask_about_signing_in()
        await self.ask_about_installing()
        return self.given

    async def ask_about_places(self) -> None:
        await self.ask("conversations.join", channel=REVENUE)
        await self.ask("conversations.join", channel=PARTNERS)
        bot = self.sandbox.state.bot(self.slack_app.id, ACME)
        assert bot is not None
        await self.sandbox.state.join(self.sandbox.state.channels[DEALS], bot)
        await self.ask("conversations.open", users=f"{DANA},{LIAM}")
        await self.ask("conversations.open", users=DANA, return_im=True)
        every = "public_channel,private_channel,im,mpim"
        await self.ask("conversations.list", types=every)
        await self.ask("users.conversations", types=every)
        await self.ask("conversations.info", channel=DEALS, include_num_members=True)
        await self.ask("conversations.members", channel=REVENUE)
        await self.ask("conversations.invite", channel=PARTNERS, users=DANA)
        await self.ask("conversations.leave", channel=PARTNERS)

    async def ask_about_people(self) -> None:
        await self.ask("users.info", user=DANA, include_locale=True)
        await self.ask("users.list")
        await self.ask("users.lookupByEmail", email="dana@acme.com")
        await self.ask("users.profile.get", user=DANA)
        await self.ask("usergroups.list", include_users=True)
        await self.ask("team.info")
        await self.ask("bots.info", bot=(await self.client.auth_test())["bot_id"])

    async def ask_about_messages(self) -> None:
        content = {
            "text": "Hi",
            "username": "Desk",
            "icon_emoji": ":tada:",
            "metadata": {"event_type": "delivery", "event_payload": {"id": 1}},
            "blocks": [{"type": "divider"}],
        }
        posted = await self.ask("chat.postMessage", channel=REVENUE, **content)
        await self.ask("chat.postMessage", channel=REVENUE, thread_ts=posted["ts"], **content)
        await self.ask("chat.update", channel=REVENUE, ts=posted["ts"], text="Bye")
        await self.ask("chat.postEphemeral", channel=REVENUE, user=DANA, text="Psst")
        await self.ask("chat.getPermalink", channel=REVENUE, message_ts=posted["ts"])
        await self.ask("conversations.history", channel=REVENUE)
        await self.ask("chat.delete", channel=REVENUE, ts=posted["ts"])
        url, slack = "https://example.test/1", self.sandbox.state
        said = slack.post(slack.channels[REVENUE], slack.people[DANA], text=f"<{url}>")
        await self.ask("chat.unfurl", channel=REVENUE, ts=said.ts, unfurls={url: {"text": "Report"}})

    async def ask_about_files(self) -> None:
        upload = await self.ask("files.getUploadURLExternal", filename="a.gif", length=6)
        session = self.client.session
        assert session is not None
        async with session.post(upload["upload_url"], data=b"GIF89a") as response:
            assert response.status == 200
        await self.ask("files.completeUploadExternal", files=[{"id": upload["file_id"], "title": "A"}])
        await self.ask("files.info", file=upload["file_id"])

    async def ask_about_signing_in(self) -> None:
        redirect = self.slack_app.redirect_urls[0]
        asked = {"scope": "openid email profile", "response_type": "code", "redirect_uri": redirect}
        code = await self.code("/openid/connect/authorize", {**asked, "client_id": self.slack_app.client_id})
        credentials = {"client_id": self.slack_app.client_id, "client_secret": self.slack_app.client_secret}
        answer = await self.ask("openid.connect.token", code=code, redirect_uri=redirect, **credentials)
        await self.ask("openid.connect.userInfo", token=answer["access_token"])

    async def code(self, path: str, way: dict[str, str]) -> str:
        session = self.client.session
        assert session is not None
        form = {**way, "person": DANA, "decision": "allow"}
        async with session.post(self.sandbox.url + path, data=form, allow_redirects=False) as response:
            return response.headers["Location"].partition("code=")[2]

    async def ask_about_views(self) -> None:
        title = {"type": "plain_text", "text": "Title"}
        modal = {"type": "modal", "title": title, "close": title, "blocks": [{"type": "divider"}]}
        view = (await self.ask("views.open", trigger_id=self.trigger(), view=modal))["view"]
        await self.ask("views.push", trigger_id=self.trigger(view["id"]), view=modal)
        await self.ask("views.update", view_id=view["id"], view=modal)
        await self.ask("views.publish", user_id=DANA, view={"type": "home", "blocks": [{"type": "divider"}]})

    def trigger(self, view_id: str | None = None) -> str:
        return self.sandbox.state.make_trigger(self.slack_app.id, ACME, DANA, view_id=view_id).id

    async def ask_about_installing(self) -> None:
        await self.ask("api.test", foo="bar")
        await self.ask("auth.test")
        await self.ask("auth.teams.list")
        way = {"client_id": self.slack_app.client_id, "scope": "chat:write"}
        code = await self.code("/oauth/v2/authorize", way)
        credentials = {"client_id": self.slack_app.client_id, "client_secret": self.slack_app.client_secret}
        await self.ask("oauth.v2.access", code=code, **credentials)
        await self.ask("auth.revoke", test=True)
        await self.ask("apps.uninstall", **credentials)


async def test_every_answer_fits_slacks_sample(client: AsyncWebClient, sandbox: Sandbox, slack_app: SlackApp) -> None:
    given = await Answers(client, sandbox, slack_app).ask_all()
    assert given.keys() == METHODS.keys()
    found = [f"{name}{misfit}" for name, answer in given.items() for misfit in set(misfits(answer, sample(name)))]
    assert found == []


async def test_every_answer_has_what_slacks_example_has(
    client: AsyncWebClient, sandbox: Sandbox, slack_app: SlackApp
) -> None:
    given = await Answers(client, sandbox, slack_app).ask_all()
    lacking = {name: essential(name) - answer.keys() for name, answer in given.items()}
    assert {name: keys for name, keys in lacking.items() if keys} == {}


def sample(name: str) -> Any:
    """Read the sample; what only the documented example of success shows is added."""
    path = CONTRACT / "samples" / "api" / f"{name}.json"
    shown = {**example(name), **(orjson.loads(path.read_bytes()) if path.exists() else {})}
    if name == "conversations.history":
        shown["messages"] = [stored_message()]
    return shown


def stored_message() -> Any:
    """Put together what a message may hold; history itself has no sample."""
    posted, updated = sample("chat.postMessage")["message"], sample("chat.update")["message"]
    return {**posted["root"], **updated, **posted}


def example(name: str) -> Any:
    examples = described(name).get("examples") or {}
    return next((one["example"] for key, one in examples.items() if "success" in key), {})


def essential(name: str) -> set[str]:
    """Name what each success holds; the example of conversations.join shows a warning of something special."""
    return set(example(name)) - {"warning", "response_metadata"}
