"""The app manifest: what Slack is told about the app, with our public address in it."""

import ipaddress
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import orjson
import yaml

from models.base import UserError

EXAMPLE_URL = "https://runrate.example.com"
"""Stands in manifest.yml for the public address, so that the file is a valid manifest as it is."""

EXAMPLE_HOST = "runrate.example.com"

CREATE_APP_URL = "https://api.slack.com/apps?new_app=1&manifest_json="

LOADER: type[yaml.CSafeLoader | yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Ten times as quick where PyYAML was built with libyaml, as its wheels are."""

_PATH = Path(__file__).resolve().parent.parent / "manifest.yml"
_UNFURL_DOMAINS = re.compile(r"(?:^  #[^\n]*\n)*^  unfurl_domains:\n(?:^    - [^\n]*\n)+", re.MULTILINE)
_PUBLIC_URL = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+/?")


class ManifestError(UserError):
    """The manifest can't be made."""


def text(public_url: str) -> str:
    """Fill the public address into manifest.yml and keep its comments."""
    if not _PUBLIC_URL.fullmatch(public_url):
        raise ManifestError(f"{public_url!r} is no address of a web server. Write it like {EXAMPLE_URL}.")
    host, written = (urlsplit(public_url).hostname or "").lower(), _read()
    if not _is_domain(host):
        written = _UNFURL_DOMAINS.sub("", written)
    return written.replace(EXAMPLE_URL, public_url.rstrip("/")).replace(EXAMPLE_HOST, host)


def _is_domain(host: str) -> bool:
    """Say whether Slack takes a host as a domain whose links may be unfurled: a name with a dot, and no number."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." in host
    return False


def load(public_url: str) -> dict[str, Any]:
    """Read manifest.yml with the public address filled in, as Slack's API takes it."""
    manifest: dict[str, Any] = yaml.load(text(public_url), Loader=LOADER)  # noqa: S506 - either is safe
    return manifest


def deep_link(manifest: dict[str, Any]) -> str:
    """Link to Slack's page for a new app, this manifest filled in."""
    return CREATE_APP_URL + quote(orjson.dumps(manifest), safe="")


def _read() -> str:
    try:
        return _PATH.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ManifestError(f"{_PATH} is missing. Run Runrate from its clone, where manifest.yml stands.") from error
