"""team.info and bots.info."""

from bot.sandbox import shapes
from bot.sandbox.errors import SlackError
from bot.sandbox.methods.method import Ask, Method
from bot.sandbox.records import Json


async def _team_info(ask: Ask) -> Json:
    asked = ask.args.text("team")
    if asked not in (None, "", ask.caller.workspace.id):
        raise SlackError("team_not_found")
    return {"team": shapes.team(ask.caller.workspace)}


async def _bots_info(ask: Ask) -> Json:
    asked = ask.args.text("bot")
    if not asked:
        raise SlackError("bot_not_found")
    for person in ask.slack.people_of(ask.caller.workspace.id):
        if person.bot_id == asked:
            return {"bot": {**shapes.bot(person), "user_id": person.id}}
    raise SlackError("bot_not_found")


METHODS = [
    Method("team.info", _team_info, tier=3, scopes=("team:read",), errors=frozenset({"team_not_found"})),
    Method("bots.info", _bots_info, tier=3, scopes=("users:read",), errors=frozenset({"bot_not_found"})),
]
