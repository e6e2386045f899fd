"""What opens a CRM and which of its fields say what: the fields of its form, and what they hold. No secret is shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from handlers.views.blocks import Block, View, context, field, modal, section, text_input
from handlers.views.filled import filled
from models.crm import Access, HubSpotAccess, SalesforceAccess, roles_text
from models.source import SourceKind
from scheduler.messages import mrkdwn

CALLBACK = "source_access"
KEPT = "One is set and is not shown. Leave this empty to keep it."
SALESFORCE_FIELDS = (
    "url", "client_id", "client_secret", "username", "private_key", "account_field", "stage_field", "roles",
)  # fmt: skip
HUBSPOT_FIELDS = ("token", "account_field", "stage_field", "roles")
FIELDS: Mapping[str, Sequence[str]] = {SourceKind.SALESFORCE: SALESFORCE_FIELDS, SourceKind.HUBSPOT: HUBSPOT_FIELDS}
"""By the kind of source."""


def fields(kind: SourceKind, access: Access | None = None) -> list[Block]:
    """Draw the fields for a kind of CRM, with what is set; none for what is no CRM."""
    match kind:
        case SourceKind.SALESFORCE:
            return _salesforce(access if isinstance(access, SalesforceAccess) else None)
        case SourceKind.HUBSPOT:
            return _hubspot(access if isinstance(access, HubSpotAccess) else None)
        case _:
            return []


def _salesforce(access: SalesforceAccess | None) -> list[Block]:
    secret = KEPT if access and access.client_secret else "The consumer secret, for the client credentials flow."
    key = KEPT if access and access.private_key else "Without a consumer secret: an RSA key in PEM, for the JWT flow."
    return [
        _input("My Domain URL", "url", "https://acme.my.salesforce.com", access.url if access else ""),
        _input("Consumer key", "client_id", "Of the external client app", access.client_id if access else ""),
        _input("Consumer secret", "client_secret", "Of the external client app", hint=secret, optional=True),
        _input(
            "Username",
            "username",
            "integration@acme.com",
            access.username if access else "",
            hint="Only with a private key: the user that it signs in as.",
            optional=True,
        ),
        _input("Private key", "private_key", "-----BEGIN PRIVATE KEY-----", hint=key, optional=True, is_multiline=True),
        _input(
            "Field with your account ID",
            "account_field",
            "External_Id__c",
            access.account_field if access else "",
            hint="The API name of the Account field that holds the ID which your other sources send.",
            optional=True,
        ),
        _input(
            "Field with the stage",
            "stage_field",
            "Type",
            access.stage_field if access else "",
            hint="The API name of an Account field. Empty: the stage of the account’s newest opportunity.",
            optional=True,
        ),
        _roles(access.roles if access else {}, "csm = CSM__c", "The account’s owner is the role owner."),
    ]


def _hubspot(access: HubSpotAccess | None) -> list[Block]:
    return [
        _input(
            "Service key",
            "token",
            "pat-…",
            hint=KEPT
            if access
            else "Or the access token of a private app. It is kept encrypted and never shown again.",
            optional=access is not None,
        ),
        _input(
            "Property with your account ID",
            "account_field",
            "account_id",
            access.account_field if access else "",
            hint="The internal name of the company property that holds the ID which your other sources send.",
            optional=True,
        ),
        _input(
            "Property with the stage",
            "stage_field",
            "lifecyclestage",
            access.stage_field if access else "",
            hint="The internal name of a company property. Empty: the lifecycle stage.",
            optional=True,
        ),
        _roles(access.roles if access else {}, "csm = csm_owner", "The company’s owner is the role owner."),
    ]


def _roles(roles: Mapping[str, str], example: str, hint: str) -> Block:
    more = f"{hint} For more roles write role = field, one a line; the field looks up a user."
    return _input("Roles", "roles", example, roles_text(roles), hint=more, optional=True, is_multiline=True)


def _input(
    label: str,
    name: str,
    placeholder: str,
    initial: str = "",
    *,
    hint: str | None = None,
    optional: bool = False,
    is_multiline: bool = False,
) -> Block:
    element = text_input(name, initial=initial, placeholder=placeholder)
    if is_multiline:
        element["multiline"] = True
    return field(label, element, block_id=f"{CALLBACK}_{name}", hint=hint, optional=optional)


def read(view: Mapping[str, Any], kind: str) -> dict[str, str]:
    """Read what was entered, by the field's name."""
    answers = filled(dict(view))
    return {name: answers.text(f"{CALLBACK}_{name}") for name in FIELDS[kind]}


def errors(refused: Mapping[str, str]) -> dict[str, str]:
    """Put each refusal under its field."""
    return {f"{CALLBACK}_{name}": text for name, text in refused.items()}


def form(*, source_id: str, name: str, kind: SourceKind, access: Access | None) -> View:
    """Draw the form for what opens a CRM that is a source already."""
    text = f"How {mrkdwn.quoted(name)} is read. Once you save, all of it is read anew."
    blocks = [section(text), *fields(kind, access)]
    return modal("Connection", blocks, callback_id=CALLBACK, submit="Save", metadata=source_id)


def connected(title: str, *, callback_id: str) -> View:
    """Draw what stands in the place of a webhook's address once a CRM is added."""
    blocks = [
        section(title),
        section(
            "It is being read now: companies, who holds which role at them, and their stage. After that what changes "
            "is read every 15 minutes, and everything once a day. Nothing of it is posted."
        ),
        context("Its line in the Home tab says how that goes; “Connection” in its menu changes how it is read."),
    ]
    return modal("Source", blocks, callback_id=callback_id, close="Done")
