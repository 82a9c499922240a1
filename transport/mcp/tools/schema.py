"""How the tools' arguments and results are described: shared types, and the JSON Schemas that clients are shown.

One definition serves three: msgspec checks and converts arguments with it, clients are shown its JSON Schema, and the
Python client reads results with it. Null means the same as leaving the field out, where it is allowed. Neither this
module nor the `..._schemas` modules beside it import the SDK or an actor, because the client starts with them.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, cast

import msgspec
from msgspec import Meta

from store.model.times import PATTERN

BATCH: Final = 1000
"""How many events or requests one call may hold: the most that the contract gives any role."""

Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=256,
        pattern=r"^[^\u0000-\u001f\u007f-\u009f]*$",
        description="1 to 256 characters, no control characters",
    ),
]
Time = Annotated[str, Meta(pattern=PATTERN, description="RFC 3339, to the nanosecond")]
Sequence = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0, le=3600)]


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Base of what tools take."""


ADDED_BY_CLIENTS: Final = frozenset(
    {"description", "explanation", "security_risk", "summary", "task_progress", "toolAction", "toolSummary"}
    | {"waitForPreviousTools", "wait_for_previous"}
)
"""Fields that clients are known to add to the calls of every tool, for themselves."""


def without_additions(kind: type[Arguments], arguments: dict[str, Any]) -> dict[str, Any]:
    """Return a tool's arguments without what is null and what clients add; the same object where there is nothing such.

    Args:
        kind: What the tool takes: a field of its own stays, whatever its name.
        arguments: What it was given.
    """
    added = ADDED_BY_CLIENTS.difference(kind.__struct_fields__)
    if None not in arguments.values() and added.isdisjoint(arguments):
        return arguments
    return {name: value for name, value in arguments.items() if value is not None and name not in added}


class Nothing(Arguments, frozen=True):
    """No arguments."""


def input_schema(kind: type[Arguments]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a tool's arguments."""
    return _schema(kind)


def output_schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a tool's structured content: the result, or the error of the contract.

    Some clients check the structured content of an error too, so the schema has to allow for it; the result's fields
    stay at the top level, where clients look for them.
    """
    schema = _schema(kind)
    schema["properties"]["error"] = {
        "type": "object",
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        "required": ["code", "message"],
    }
    schema["anyOf"] = [{"required": schema.pop("required")}, {"required": ["error"]}]
    return schema


def _schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    _, definitions = msgspec.json.schema_components((kind,), ref_template="{name}")
    for definition in definitions.values():
        definition.setdefault("additionalProperties", False)
    schema: dict[str, Any] = _whole(definitions[kind.__name__], definitions)
    return schema


def _whole(schema: object, definitions: dict[str, Any]) -> Any:
    """Return a schema without references, each enum with its type: many clients and models understand neither."""
    if isinstance(schema, list):
        return [_whole(each, definitions) for each in cast("Any", schema)]
    if not isinstance(schema, dict):
        return schema
    given = cast("dict[str, Any]", schema)
    if "$ref" in given:
        rest = {name: value for name, value in given.items() if name != "$ref"}
        return _whole({**definitions[given["$ref"]], **rest}, definitions)
    whole = {name: _whole(value, definitions) for name, value in given.items()}
    return {"type": "string", **whole} if "enum" in whole else whole
