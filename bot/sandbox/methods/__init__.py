"""Every Web API method that the local Slack answers, by its name."""

from bot.sandbox.methods import auth, chat, conversations, files, history, oauth, openid, team, unfurl, users, views
from bot.sandbox.methods.method import COMMON_ERRORS, Ask, Caller, Method, OpenAsk, OpenMethod

__all__ = ["COMMON_ERRORS", "METHODS", "Ask", "Caller", "Method", "OpenAsk", "OpenMethod"]

METHODS: dict[str, Method | OpenMethod] = {
    method.name: method
    for family in (
        auth.OPEN_METHODS,
        auth.METHODS,
        chat.METHODS,
        conversations.METHODS,
        files.METHODS,
        history.METHODS,
        oauth.OPEN_METHODS,
        openid.OPEN_METHODS,
        team.METHODS,
        unfurl.METHODS,
        users.METHODS,
        views.METHODS,
    )
    for method in family
}
