"""The app as Slack knows it: its credentials, its manifest and where it listens."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PUBLIC_URL = "{PUBLIC_URL}"


@dataclass(frozen=True)
class SlackApp:
    """A Slack app.

    `base_url` is where it listens. The manifest's addresses may carry the placeholder `{PUBLIC_URL}` or the address
    of a real deployment: requests go to the manifest's paths on `base_url`.
    """

    client_id: str
    client_secret: str
    signing_secret: str
    manifest: dict[str, Any]
    base_url: str

    @property
    def id(self) -> str:
        return "A0" + re.sub(r"[^A-Z0-9]", "", self.name.upper())[:9]

    @property
    def name(self) -> str:
        return str(self._section("display_information").get("name", "App"))

    @property
    def bot_name(self) -> str:
        bot = self._section("features", "bot_user")
        return str(bot.get("display_name", self.name))

    @property
    def scopes(self) -> list[str]:
        """All bot scopes. Slack lists an optional one under `bot` too; here that is not asked for."""
        declared = self._section("oauth_config", "scopes")
        return list(dict.fromkeys([*declared.get("bot", []), *declared.get("bot_optional", [])]))

    @property
    def optional_scopes(self) -> list[str]:
        return list(self._section("oauth_config", "scopes").get("bot_optional", []))

    @property
    def redirect_urls(self) -> list[str]:
        """The registered redirect addresses: as written, and the same paths where the app listens."""
        written = self._section("oauth_config").get("redirect_urls", [])
        return [url for one in written for url in (one.replace(PUBLIC_URL, self.base_url), self.local(one))]

    @property
    def bot_events(self) -> frozenset[str]:
        return frozenset(self._section("settings", "event_subscriptions").get("bot_events", []))

    @property
    def events_url(self) -> str | None:
        return self._address(self._section("settings", "event_subscriptions").get("request_url"))

    @property
    def interactivity_url(self) -> str | None:
        interactivity = self._section("settings", "interactivity")
        return self._address(interactivity.get("request_url")) if interactivity.get("is_enabled") else None

    @property
    def options_url(self) -> str | None:
        interactivity = self._section("settings", "interactivity")
        return self._address(interactivity.get("message_menu_options_url")) if interactivity.get("is_enabled") else None

    @property
    def home_tab_enabled(self) -> bool:
        return bool(self._section("features", "app_home").get("home_tab_enabled", False))

    @property
    def messages_tab_enabled(self) -> bool:
        return bool(self._section("features", "app_home").get("messages_tab_enabled", False))

    @property
    def messages_tab_read_only(self) -> bool:
        return bool(self._section("features", "app_home").get("messages_tab_read_only_enabled", True))

    @property
    def org_deploy_enabled(self) -> bool:
        return bool(self._section("settings").get("org_deploy_enabled", False))

    @property
    def commands(self) -> dict[str, dict[str, Any]]:
        """The slash commands by name, each with its `url`, `description`, `usage_hint` and `should_escape`."""
        declared = self._section("features").get("slash_commands", [])
        return {command["command"]: {**command, "url": self._address(command.get("url"))} for command in declared}

    @property
    def unfurl_domains(self) -> list[str]:
        return list(self._section("features").get("unfurl_domains", []))

    def local(self, url: str) -> str:
        """Move an address of the manifest to where the app listens."""
        return self.base_url.rstrip("/") + urlsplit(url.replace(PUBLIC_URL, "")).path

    def _address(self, url: str | None) -> str | None:
        return self.local(url) if url else None

    def _section(self, *path: str) -> dict[str, Any]:
        section: Any = self.manifest
        for name in path:
            section = section.get(name) or {}
        return dict(section)
