"""The local Slack with its limits in a process of its own, with workspaces full of people and our app in each."""

import asyncio
from collections.abc import Sequence
from typing import Any

from bot import manifest
from bot.bench import child
from bot.sandbox import Sandbox, SlackApp
from bot.sandbox.records import Call, Person, Workspace

ADDRESS = "http://127.0.0.1:9"
POST = "chat.postMessage"
LIMITED = 429


def workspace_id(number: int) -> str:
    """Name a workspace."""
    return f"T{number:05}"


def email(workspace: int, person: int) -> str:
    """Give a person's address."""
    return f"p{person}@t{workspace}.example"


def settle(sandbox: Sandbox, app: SlackApp, *, workspaces: int, people: int) -> dict[str, str]:
    """Fill the local Slack; give the token of each workspace."""
    state, tokens = sandbox.state, {}
    for number in range(workspaces):
        tenant = workspace_id(number)
        state.workspaces[tenant] = Workspace(tenant, tenant, tenant.lower(), f"t{number}.example")
        for one in range(people):
            person = Person(f"U{number:05}{one:03}", tenant, f"p{one}", f"Person {one}", email(number, one))
            state.people[person.id] = person
        tokens[tenant] = state.install(app, tenant, f"U{number:05}000", app.scopes).token
    return tokens


def witness(calls: Sequence[Call]) -> dict[str, Any]:
    """Say what was posted, by the local Slack's own notes."""
    posts = [call for call in calls if call.method == POST and call.answer.get("ok")]
    return {
        "posts": len(posts),
        "first_at": posts[0].at if posts else 0.0,
        "last_at": posts[-1].at if posts else 0.0,
        "limited": sum(call.status == LIMITED for call in calls),
    }


async def serve(told: dict[str, Any]) -> None:
    """Run until told to end."""
    app = SlackApp("1.2", "client-secret", "signing-secret", manifest.load(ADDRESS), ADDRESS)
    sandbox = Sandbox(apps=[app])
    sandbox.state.emit = _tell_nobody
    await sandbox.start()
    tokens = settle(sandbox, app, workspaces=told["workspaces"], people=told["people"])

    async def answers(_question: dict[str, Any]) -> dict[str, Any]:
        return {**witness(sandbox.state.calls), **child.usage()}

    child.say(url=f"{sandbox.url}/api/", tokens=tokens)
    await child.answer(answers)
    await sandbox.stop()


async def _tell_nobody(*_anything: Any) -> None:
    """Stand in for the app, which listens to no events here."""


if __name__ == "__main__":
    asyncio.run(serve(child.settings()))
