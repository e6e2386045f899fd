"""manifest.yml, against Slack's schema, the scopes we explain and the events Slack sends."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from jsonschema import Draft7Validator

from bot import manifest
from models import scope

ROOT = Path(manifest.__file__).parent.parent
CONTRACTS = ROOT.parent / "shared" / "contracts" / "slack"

needs_contracts = pytest.mark.skipif(not CONTRACTS.exists(), reason=f"Slack's contracts are not at {CONTRACTS}")


@pytest.fixture
def ours() -> dict[str, Any]:
    return manifest.load("https://mrr.acme.com")


def strings(value: Any) -> list[str]:
    match value:
        case dict():
            return [text for one in value.values() for text in strings(one)]
        case list():
            return [text for one in value for text in strings(one)]
        case _:
            return [str(value)]


@needs_contracts
@pytest.mark.parametrize("public_url", ["https://runrate.example.com", "http://127.0.0.1:3000"])
def test_the_manifest_is_valid_under_slacks_schema(public_url: str) -> None:
    schema = json.loads((CONTRACTS / "manifest" / "manifest.schema.2.0.0.json").read_text())
    problems = Draft7Validator(schema).iter_errors(manifest.load(public_url))
    assert [problem.message for problem in problems] == []


@needs_contracts
def test_the_schema_would_notice_a_mistake() -> None:
    schema = json.loads((CONTRACTS / "manifest" / "manifest.schema.2.0.0.json").read_text())
    broken = manifest.load("https://mrr.acme.com")
    broken["features"]["slash_commands"][0]["command"] = "mrr"
    broken["settings"]["event_subscriptions"]["bot_evnts"] = []
    assert len(list(Draft7Validator(schema).iter_errors(broken))) == 2


@needs_contracts
def test_each_event_is_one_that_slack_sends_for_the_scopes_we_ask_for(ours: dict[str, Any]) -> None:
    known = {event["name"]: event for event in json.loads((CONTRACTS / "events.json").read_text())}
    asked = set(ours["oauth_config"]["scopes"]["bot"])
    for name in ours["settings"]["event_subscriptions"]["bot_events"]:
        event = known.get(name)
        if event is None:  # The stored list lacks the archive events, which come with channels:read and groups:read.
            assert name.endswith("archive")
            continue
        needed = {needed.replace("app_mentions.read", "app_mentions:read") for needed in event["scopes"]}
        assert "Events" in event["APIs"]
        assert not needed or needed & asked, f"{name} needs one of {needed}"


def test_the_manifest_and_the_explained_scopes_agree(ours: dict[str, Any]) -> None:
    scopes = ours["oauth_config"]["scopes"]
    required = [one.name for one in scope.REQUIRED]
    optional = [one.name for one in scope.OPTIONAL]
    assert scopes["bot"] == required + optional
    assert scopes["bot_optional"] == optional
    assert scope.requested().split(",") == scopes["bot"]


def test_every_scope_has_a_reason_and_every_optional_one_says_what_it_brings() -> None:
    for one in (*scope.REQUIRED, *scope.OPTIONAL):
        assert one.reason.endswith(".")
    assert all(one.brings.endswith(".") for one in scope.OPTIONAL)
    assert not any(one.brings for one in scope.REQUIRED)


def test_what_slack_did_not_grant_is_named_in_order() -> None:
    granted = scope.parse("commands, chat:write,,files:write")
    assert granted == {"commands", "chat:write", "files:write"}
    assert [one.name for one in scope.missing(granted)] == [one.name for one in scope.REQUIRED[2:]]
    assert scope.missing(granted, among=scope.OPTIONAL) == scope.OPTIONAL[1:]
    assert scope.missing(scope.parse(scope.requested())) == ()


def test_the_public_address_stands_everywhere_and_the_example_nowhere(ours: dict[str, Any]) -> None:
    written = strings(ours)
    assert not any("example" in text for text in written)
    assert written.count("https://mrr.acme.com/slack/events") == 4
    assert ours["oauth_config"]["redirect_urls"] == [
        "https://mrr.acme.com/slack/oauth_redirect",
        "https://mrr.acme.com/slack/signin/callback",
    ]
    assert ours["features"]["unfurl_domains"] == ["mrr.acme.com"]


@pytest.mark.parametrize(
    "public_url", ["http://127.0.0.1:3000", "http://localhost:3000", "https://[::1]:3000", "http://runrate"]
)
def test_an_address_that_slack_takes_no_links_of_is_left_out_with_its_comment(public_url: str) -> None:
    assert "unfurl_domains" not in manifest.load(public_url)["features"]
    assert "previews" not in manifest.text(public_url)


def test_an_unfurl_domain_is_a_name_alone_in_lower_case() -> None:
    assert manifest.load("https://MRR.Acme.com:8443")["features"]["unfurl_domains"] == ["mrr.acme.com"]


def test_a_trailing_slash_in_the_public_address_makes_no_double_slash() -> None:
    assert manifest.load("https://mrr.acme.com/") == manifest.load("https://mrr.acme.com")


def test_the_printed_manifest_is_the_loaded_one_with_its_comments() -> None:
    printed = manifest.text("https://mrr.acme.com")
    assert printed.startswith("# The Slack app")
    assert yaml.safe_load(printed) == manifest.load("https://mrr.acme.com")


@pytest.mark.parametrize(
    "public_url",
    ["", "mrr.acme.com", "ftp://mrr.acme.com", 'https://a.com"\nname: other', "https://a.com b", "https://a.com/path"],
)
def test_what_is_no_address_of_a_web_server_is_refused(public_url: str) -> None:
    with pytest.raises(manifest.ManifestError, match="no address of a web server"):
        manifest.load(public_url)


def test_the_link_opens_slacks_page_for_a_new_app_with_the_manifest_in_it(ours: dict[str, Any]) -> None:
    link = manifest.deep_link(ours)
    address = urlsplit(link)
    assert (address.scheme, address.netloc, address.path) == ("https", "api.slack.com", "/apps")
    query = parse_qs(address.query, strict_parsing=True)
    assert query["new_app"] == ["1"]
    assert json.loads(query["manifest_json"][0]) == ours
    assert len(link) < 8000  # Longer addresses are cut by proxies and chat tools.


def test_the_command_hands_over_ids_and_the_home_tab_is_on(ours: dict[str, Any]) -> None:
    assert ours["features"]["slash_commands"][0]["should_escape"] is True
    assert ours["features"]["app_home"] == {
        "home_tab_enabled": True,
        "messages_tab_enabled": True,
        "messages_tab_read_only_enabled": True,
    }
    assert ours["settings"]["token_rotation_enabled"] is False
    assert ours["settings"]["org_deploy_enabled"] is True
