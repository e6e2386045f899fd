"""Whose page was looked at last in a browser, so that the next page can guess who sits there. Nobody signs in here."""

from aiohttp import web

COOKIE = "local-slack-as"


def remember(response: web.Response, user_id: str) -> None:
    response.set_cookie(COOKIE, user_id, httponly=True, samesite="Lax")


def remembered(request: web.Request) -> str:
    return request.cookies.get(COOKIE, "")
