"""The intake's description by OpenAPI 3.1: what kind `api` and the tracking API take, and what they answer.

Records are described by the facts that they become, so that the description can't promise anything else.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from handlers import problem_json
from handlers.api_examples import RECORDS, TRACKING
from handlers.senders import api, tracking
from models.fact import (
    ID_SCHEMA,
    INSTANT_SCHEMA,
    AccountFact,
    ContactFact,
    MovementFact,
    RoleFact,
    SignalFact,
    SubscriptionFact,
)

JsonObject = dict[str, Any]

SCHEMAS = "#/components/schemas/"
KEY_LIMIT = 200

_ID = ID_SCHEMA | {
    "type": ["string", "integer", "null"],
    "description": "Your id of the record: the same id for the same type from the same source is the same record, "
    "sent again. Without one it is known by what it says, if that has an occurred_at.",
}
_ACCOUNT = {
    "anyOf": [{"$ref": f"{SCHEMAS}InlineAccount"}, {"type": "null"}],
    "description": "The account that it is about, with what is to be known of it.",
}
_SAID_AT = {
    "anyOf": [{"$ref": f"{SCHEMAS}Instant"}, {"type": "null"}],
    "description": "When it was so: of what is said of the same thing, the latest counts. Left out, it is the time of "
    "arrival.",
}
_INSTANTS = INSTANT_SCHEMA["anyOf"]
_NAMES_ITS_ACCOUNT = {
    "oneOf": [
        {"required": ["account"], "properties": {"account": {"type": "object"}}},
        {"required": ["account_external_id"]},
    ]
}
_HAPPENS: Mapping[str, type[BaseModel]] = {
    "movement": MovementFact,
    "subscription": SubscriptionFact,
    "signal": SignalFact,
}
_STANDS: Mapping[str, type[BaseModel]] = {"account": AccountFact, "contact": ContactFact, "role": RoleFact}
KINDS = (*_HAPPENS, *_STANDS)
"""The types of records, in the order in which they are explained."""

_REFUSED = {
    "type": "object",
    "description": "A record that was not taken, and why.",
    "required": ["record", "id", "field", "reason"],
    "properties": {
        "record": {"type": "integer", "minimum": 0, "description": "Its position in the call, counted from 0."},
        "id": {"type": ["string", "null"], "description": "Its id, if it has one."},
        "field": {"type": "string", "description": "The field that is wrong, by its path."},
        "reason": {"type": "string", "description": "What is wrong with it, and what to do."},
    },
}
_COUNTS = {
    "ok": {"type": "boolean", "description": "False where every record was refused."},
    "stored": {"type": "integer", "minimum": 0, "description": "How many records are new."},
    "duplicates": {"type": "integer", "minimum": 0, "description": "How many were known already."},
    "refused": {"type": "array", "items": {"$ref": f"{SCHEMAS}Refused"}, "description": "The records not taken."},
}
_TAKEN = {
    "type": "object",
    "description": "What became of the records. All that is counted here is committed.",
    "required": list(_COUNTS),
    "properties": _COUNTS,
}
_PROBLEM = {
    "type": "object",
    "description": "Why nothing of the call was taken, by RFC 9457.",
    "required": ["type", "title", "status", "detail", "error", "message"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Where the error is explained."},
        "title": {"type": "string", "description": "What happened, the same for every error of this type."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599, "description": "The HTTP status."},
        "detail": {"type": "string", "description": "What happened this time, and what to do."},
        "error": {"type": "string", "description": "The error's name, for programs."},
        "message": {"type": "string", "description": "The same as detail."},
    },
}
_ALL_REFUSED = {
    "description": "Every record was refused: a problem, and what became of each record.",
    "allOf": [{"$ref": f"{SCHEMAS}Problem"}, {"$ref": f"{SCHEMAS}Taken"}],
}
_SUCCESS = {
    "type": "object",
    "required": ["success"],
    "properties": {"success": {"const": True}},
}

_PROBLEMS_OF_BODY = (400, 413, 415, 503)
_STATUSES = {
    400: "Nothing was taken: the body can't be read.",
    401: "Nothing was taken: the key is missing or wrong.",
    404: "Nothing was taken: no source has this address.",
    413: "Nothing was taken: it is too much for one call.",
    415: "Nothing was taken: the body is compressed with something else than gzip or deflate.",
    422: "Nothing was taken: every record was refused.",
    503: "Nothing was stored. Send the call again.",
}
_HEADERS = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "How to send the key."}},
    503: {
        "Retry-After": {
            "required": True,
            "schema": {"type": "integer", "minimum": 1},
            "description": "After how many seconds to send the call again.",
        }
    },
}


_DESCRIPTION = """\
A 200 says that everything in the call is committed. Whatever got no answer or a 503 can be sent again: what is known \
already counts once.

Bodies are JSON in UTF-8 of at most 4 MB and 64 levels, plain or compressed with gzip or deflate. Texts have no NUL \
character; blanks around them are dropped, and a blank one counts as left out. Whole numbers are written without a \
decimal point. Nothing ends before it starts."""


def document(public_url: str) -> JsonObject:
    """Describe the intake at a public address."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Runrate's intake",
            "version": "1",
            "summary": "Send movements, subscriptions, signals, accounts, contacts and roles.",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": public_url}],
        "externalDocs": {"description": "The same to read", "url": f"{public_url}{problem_json.API_PATH}"},
        "tags": [
            {"name": "Your own system", "description": "Records in Runrate's own words, to a source of kind api."},
            {"name": "Tracking", "description": "Segment's tracking API, to a source of kind segment."},
        ],
        "security": [],
        "paths": {
            "/in/{source_key}": {"post": _receive()},
            **{f"/v1/{call}": {"post": _track(call)} for call in tracking.CALLS},
        },
        "components": {
            "schemas": _schemas(),
            "responses": {_response_name(status): _problem_response(status) for status in _STATUSES},
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic", "description": "The key as user, without a password."},
                "bearer": {"type": "http", "scheme": "bearer", "description": "The key."},
            },
        },
    }


def _receive() -> JsonObject:
    return {
        "operationId": "send",
        "tags": ["Your own system"],
        "summary": "Send records",
        "description": "One record, an array of them, or an object with an array named records. A record that can't be "
        "taken never takes its neighbours with it: the answer is 200 if at least one was taken, and lists the others.",
        "parameters": [
            {
                "name": "source_key",
                "in": "path",
                "required": True,
                "description": "The source's key, a secret: the last part of its URL in Runrate's Home tab.",
                "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LIMIT, "pattern": "^[A-Za-z0-9_-]+$"},
            }
        ],
        "requestBody": _body("Records", RECORDS),
        "responses": {
            "200": _response("Committed. Records that were refused are listed.", f"{SCHEMAS}Taken"),
            **_refusals(404, 422, *_PROBLEMS_OF_BODY),
        },
    }


def _track(call: str) -> JsonObject:
    return {
        "operationId": call,
        "tags": ["Tracking"],
        "summary": f"Take Segment's call {call}",
        "description": "As Segment does, it answers 200 to a call that lacks something; that is refused, and listed "
        "with the source in Runrate's Home tab. The key may also be writeKey in the body.",
        "security": [{"basic": []}, {"bearer": []}, {}],
        "requestBody": _body(call_name(call), {call: TRACKING[call]}),
        "responses": {
            "200": _response("Committed.", f"{SCHEMAS}Success"),
            **_refusals(401, *_PROBLEMS_OF_BODY),
        },
    }


def _body(schema: str, examples: Mapping[str, tuple[str, Any]]) -> JsonObject:
    named = {name: {"summary": summary, "value": value} for name, (summary, value) in examples.items()}
    return {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": f"{SCHEMAS}{schema}"}, "examples": named}},
    }


def _response(description: str, ref: str) -> JsonObject:
    return {"description": description, "content": {"application/json": {"schema": {"$ref": ref}}}}


def _refusals(*statuses: int) -> JsonObject:
    return {str(status): {"$ref": f"#/components/responses/{_response_name(status)}"} for status in sorted(statuses)}


def _response_name(status: int) -> str:
    return f"Problem{status}"


def _problem_response(status: int) -> JsonObject:
    name = "AllRefused" if status == 422 else "Problem"  # noqa: PLR2004 - the one status with more to say
    content = {problem_json.CONTENT_TYPE: {"schema": {"$ref": f"{SCHEMAS}{name}"}}}
    headers = _HEADERS.get(status)
    return {"description": _STATUSES[status], "content": content, **({"headers": headers} if headers else {})}


def _schemas() -> JsonObject:
    """Describe every record, and what is answered."""
    found: JsonObject = {}
    for kind, fact in (*_HAPPENS.items(), *_STANDS.items()):
        found[_name(kind)] = _record(kind, fact, found)
    return {
        "Records": _records(),
        "Record": {
            "oneOf": [{"$ref": f"{SCHEMAS}{_name(kind)}"} for kind in KINDS],
            "discriminator": {
                "propertyName": "type",
                "mapping": {kind: f"{SCHEMAS}{_name(kind)}" for kind in KINDS},
            },
        },
        **found,
        "InlineAccount": _inline_account(found["Account"]),
        "Instant": INSTANT_SCHEMA | {"description": "A time from 1990 to 2099. Without a zone it is UTC."},
        "Taken": _TAKEN,
        "Refused": _REFUSED,
        "Problem": _PROBLEM,
        "AllRefused": _ALL_REFUSED,
        "Success": _SUCCESS,
        **{call_name(call): _call(call) for call in tracking.KINDS},
        "Batch": _batch(),
    }


def _records() -> JsonObject:
    record = {"$ref": f"{SCHEMAS}Record"}
    many = {"type": "array", "items": record, "maxItems": api.MOST_RECORDS}
    return {"anyOf": [record, many, {"type": "object", "required": ["records"], "properties": {"records": many}}]}


def _record(kind: str, fact: type[BaseModel], found: JsonObject) -> JsonObject:
    """Describe a record by its fact, and by what only a record has."""
    schema = fact.model_json_schema(ref_template=f"{SCHEMAS}{{model}}")
    found |= {name: _tidy(one) for name, one in schema.pop("$defs", {}).items()}
    described = _tidy(schema)
    happens = kind in _HAPPENS
    own = described["properties"]
    first = {"type": own["type"], "id": _ID} | ({"account": _ACCOUNT} if happens else {})
    properties = {**first, **own, "occurred_at": own.get("occurred_at", _SAID_AT)}
    properties.pop("as_of", None)  # A record says it as occurred_at.
    left_out = {"as_of", "account_external_id"} if happens else set()
    required = ["type", *(name for name in described.get("required", ()) if name not in left_out)]
    return described | {"properties": properties, "required": required} | (_NAMES_ITS_ACCOUNT if happens else {})


def _tidy(schema: JsonObject) -> JsonObject:
    """Leave out what pydantic adds and nobody needs: titles, and defaults of null."""
    described = {name: value for name, value in schema.items() if name != "title"}
    described["description"] = described["description"].partition("\n\n")[0]
    if "properties" in described:
        described["properties"] = {name: _tidy_field(field) for name, field in described["properties"].items()}
    return described


def _tidy_field(field: JsonObject) -> JsonObject:
    plain = {name: value for name, value in field.items() if name not in {"title", "default", "anyOf"}}
    choices: list[JsonObject] = field.get("anyOf", [])
    if choices[: len(_INSTANTS)] == _INSTANTS:
        choices = [{"$ref": f"{SCHEMAS}Instant"}, *choices[len(_INSTANTS) :]]
    match choices:
        case []:
            return plain
        case [only]:
            return only | plain
        case [one, {"type": "null"}] if "type" in one:
            kinds = one["type"] if isinstance(one["type"], list) else [one["type"]]
            return one | {"type": [*kinds, "null"]} | plain
        case _:
            return {"anyOf": choices} | plain


def _inline_account(account: JsonObject) -> JsonObject:
    """Describe an account inside a record: the record has its type, its id and its time."""
    own = {"id", "occurred_at"}
    properties = {name: field for name, field in account["properties"].items() if name not in own}
    return account | {"properties": properties, "required": ["external_id"]}


def _name(kind: str) -> str:
    return kind.capitalize()


def call_name(call: str) -> str:
    """Name the schema of a call of the tracking API."""
    return "Batch" if call == "batch" else f"{call.capitalize()}Call"


_IDS = {"type": ["string", "integer", "null"]}
_TIME = {"type": ["string", "integer", "null"]}
_CALL: JsonObject = {
    "userId": _IDS | {"description": "Your id of the user. This or anonymousId is needed."},
    "anonymousId": _IDS | {"description": "The id of a visitor who is not known yet."},
    "messageId": {"type": ["string", "null"], "description": "The same one is the same call, sent again."},
    "timestamp": _TIME | {"description": "When it happened, by the sender's clock."},
    "sentAt": _TIME | {"description": "When it was sent, by the same clock: how much that is wrong."},
    "context": {"type": ["object", "null"], "description": "More of the call; groupId and traits are read."},
    "writeKey": {"type": "string", "description": "The key, where no header has it."},
}
_TRAITS = {"type": ["object", "null"], "description": "What is known; every value of your own becomes an attribute."}
_CALLS: Mapping[str, tuple[str, JsonObject, list[str]]] = {
    "identify": ("Who a user is, and what is known of them.", {"traits": _TRAITS}, []),
    "group": (
        "What account a user belongs to, and what is known of it.",
        {"groupId": _IDS | {"description": "Your id of the account."}, "traits": _TRAITS},
        ["groupId"],
    ),
    "track": (
        "What a user did.",
        {
            "event": {"type": "string", "description": "What happened, such as Signed Up."},
            "properties": {"type": ["object", "null"], "description": "What there is to say about it."},
        },
        ["event"],
    ),
    "page": ("What page a user saw.", {"name": {"type": ["string", "null"], "description": "The page."}}, []),
    "screen": ("What screen a user saw.", {"name": {"type": ["string", "null"], "description": "The screen."}}, []),
    "alias": (
        "That a user goes by another id from now on.",
        {"previousId": _IDS | {"description": "The id before."}},
        ["previousId"],
    ),
}


def _call(call: str) -> JsonObject:
    meaning, own, required = _CALLS[call]
    return {"type": "object", "description": meaning, "properties": own | _CALL, "required": required}


def _batch() -> JsonObject:
    of_kind = [
        {"allOf": [{"$ref": f"{SCHEMAS}{call_name(call)}"}], "properties": {"type": {"const": call}}}
        for call in tracking.KINDS
    ]
    return {
        "type": "object",
        "description": "Several calls at once, each with its type. What the batch's context says holds for all.",
        "properties": {
            "batch": {
                "type": "array",
                "maxItems": tracking.MOST_EVENTS,
                "items": {"type": "object", "required": ["type"], "oneOf": of_kind},
            },
            **{name: _CALL[name] for name in ("context", "sentAt", "writeKey")},
        },
        "required": ["batch"],
    }
