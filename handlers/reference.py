"""The reference of the intake: `/openapi.json` for programs, and `/api` for people, drawn from the same document."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import orjson
from aiohttp import web

from handlers import openapi, pages, problem_json
from handlers.api_examples import RECORDS, TRACKING, Example
from handlers.openapi import KINDS, JsonObject
from handlers.pages import ApiEntry, ApiField, ApiPage
from handlers.problem_json import KNOWN
from handlers.senders import tracking

OPENAPI_PATH = "/openapi.json"

_FORMATS = {"email": "e-mail address", "uri": "web address", "iso-4217": "currency code", "date-time": "date and time"}
_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}


def register(app: web.Application, *, public_url: str) -> None:
    """Add the document, and the page that says the same."""

    async def show_document(_request: web.Request) -> web.Response:
        document, _page = _written(public_url)
        return web.Response(body=document, content_type="application/json", headers={"Cache-Control": "no-store"})

    async def show_page(_request: web.Request) -> web.Response:
        _document, page = _written(public_url)
        return pages.answer(page)

    app.router.add_get(OPENAPI_PATH, show_document)
    app.router.add_get(problem_json.API_PATH, show_page)


@cache
def _written(public_url: str) -> tuple[bytes, str]:
    """Write the document and the page, once somebody asks for them."""
    document = openapi.document(public_url)
    return orjson.dumps(document), pages.api_page(describe(document))


def describe(document: JsonObject) -> ApiPage:
    """Read the page off the document."""
    schemas = document["components"]["schemas"]
    refused = KNOWN["too_many_records"]
    return ApiPage(
        public_url=document["servers"][0]["url"],
        document_path=OPENAPI_PATH,
        errors=KNOWN,
        records=tuple(_entry(kind, kind.capitalize(), RECORDS[kind], schemas) for kind in KINDS),
        calls=tuple(_entry(call, openapi.call_name(call), TRACKING[call], schemas) for call in tracking.CALLS),
        several=_curl("/in/$KEY", RECORDS["several"][1]),
        taken=_pretty(
            {
                "ok": True,
                "stored": 2,
                "duplicates": 0,
                "refused": [{"record": 1, "id": "mv_17", "field": "currency", "reason": "It is missing; send it."}],
            }
        ),
        problem=_pretty(
            {
                "type": f"{problem_json.API_PATH}#too_many_records",
                "title": refused.title,
                "status": refused.status,
                "detail": "A call takes at most 1,000 records, and this one has 1,204.",
                "error": "too_many_records",
                "message": "A call takes at most 1,000 records, and this one has 1,204.",
            }
        ),
    )


def _entry(name: str, schema_name: str, example: Example, schemas: Mapping[str, JsonObject]) -> ApiEntry:
    schema = schemas[schema_name]
    is_record = name in KINDS
    path = "/in/{source_key}" if is_record else f"/v1/{name}"
    return ApiEntry(
        name=name,
        meaning=schema["description"],
        needs=_needs(schema),
        fields=tuple(_fields(schema, schemas)),
        curl=_curl("/in/$KEY", example[1]) if is_record else _curl(path, example[1], options=' -u "$KEY:"'),
    )


def _fields(schema: JsonObject, schemas: Mapping[str, JsonObject]) -> Iterator[ApiField]:
    required = schema.get("required", ())
    for name, field in schema["properties"].items():
        yield ApiField(
            name=name,
            takes=_takes(field, schemas),
            meaning=field.get("description", "Says what it is."),
            is_required=name in required,
        )


def _needs(schema: JsonObject) -> str:
    """Say which fields of several one is needed of."""
    choices = [one["required"][0] for one in schema.get("oneOf") or schema.get("anyOf") or () if "required" in one]
    return f"One of {_or(choices)} is needed." if choices else ""


def _takes(field: JsonObject, schemas: Mapping[str, JsonObject]) -> str:
    """Say in words what a field takes."""
    if "$ref" in field:
        return _refers(field["$ref"].removeprefix(openapi.SCHEMAS), schemas)
    if "const" in field:
        return f"“{field['const']}”"
    if "anyOf" in field:
        return _or([_takes(choice, schemas) for choice in field["anyOf"]])
    kinds = [field["type"]] if isinstance(field["type"], str) else field["type"]
    return _or([_kind(kind, field) for kind in kinds])


def _refers(name: str, schemas: Mapping[str, JsonObject]) -> str:
    match name:
        case "Instant":
            return "time"
        case "InlineAccount":
            return "object with the fields of an account"
        case _:
            return _or([f"“{value}”" for value in schemas[name]["enum"]])


def _kind(kind: str, field: JsonObject) -> str:
    match kind:
        case "string":
            longest = f" of up to {field['maxLength']:,} characters" if field.get("maxLength", 0) > len("USD") else ""
            return _FORMATS.get(field.get("format", ""), "text") + longest
        case "integer" if field.get("minimum") == 0:
            return "whole number from 0"
        case "object" if "additionalProperties" in field:
            most = field["maxProperties"]
            return f"object of up to {most} values, each {_takes(field['additionalProperties'], {})}"
        case "array":
            return f"array of up to {field['maxItems']:,}"
        case _:
            return _TYPES.get(kind, kind)


def _or(words: list[str]) -> str:
    *rest, last = words
    return f"{', '.join(rest)} or {last}" if rest else last


def _curl(path: str, body: Any, *, options: str = "") -> str:
    return f"curl -sS \"$RUNRATE{path}\"{options} -H 'Content-Type: application/json' -d '{_pretty(body)}'"


def _pretty(value: Any) -> str:
    """Write JSON over several lines, with what is short on one."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return re.sub(r"\{\s+([^{}\[\]]{1,140}?)\s+\}", lambda found: "{" + " ".join(found[1].split()) + "}", text)
