"""The OpenAPI 3.1 document, from the table of operations and the structs that requests and replies are made of."""

from typing import Any

import msgspec

from gateway import __version__
from gateway.adapters.http.auth import Right
from gateway.adapters.http.operation import Operation
from gateway.adapters.http.operations import NAME_SCHEMA, OPERATIONS, STREAMS
from gateway.adapters.http.problem import PROBLEM_TYPE, PROBLEMS, Problem
from gateway.adapters.http.reading import field_specs

_REF = "#/components/schemas/{name}"
_ORDER_OPERATIONS = ("show_order", "replace_order", "cancel_order")
_SAME_ORDER = {"order_id": "$response.body#/order_id"}
_STATUS_TEXT = {
    200: "Done",
    201: "The order is recorded and on its way; Location names it",
    202: "Taken; how it ends will be seen in the order and on ws/events",
    400: "The request cannot be read; `errors` says what is wrong",
    401: "No key, or an unknown one",
    403: "The key may not do this",
    404: "There is no such thing",
    405: "The path does not take this method",
    408: "The body did not arrive in time",
    409: "Not in the present state",
    413: "The body is too large",
    415: "The body must be application/json",
    422: "Denied: the order is recorded, and returned with its reason",
    429: "Too many messages; `Retry-After` says when the same request may pass",
    500: "A fault of the gateway; `incident` names its log entry",
    503: "The gateway does not accept this now; `reason` says why",
}


def openapi_document(has_keys: bool) -> bytes:
    """The document, encoded. Without keys no security is declared, because none is asked for."""
    problem = {"content": {PROBLEM_TYPE: {"schema": _reference(Problem)}}}
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, problem, has_keys)
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Order gateway", "version": __version__, "description": _description()},
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "x-websockets": [_stream(stream.path, stream.summary, stream.query) for stream in STREAMS],
    }
    return msgspec.json.encode(document)


def _description() -> str:
    codes = ", ".join(f"{code} ({kind.status})" for code, kind in PROBLEMS.items())
    return f"Refusals are application/problem+json. Codes of HTTP itself: {codes}. See docs/api.md."


def _operation(operation: Operation, problem: dict[str, Any], has_keys: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [*_path_parameters(operation), *_query_parameters(operation.query)],
        "responses": {str(status): _reply(status, reply) for status, reply in operation.replies.items()},
    }
    for status in refusals(operation):
        found["responses"][str(status)] = {"description": _STATUS_TEXT[status], **problem}
    if operation.body is not None:
        found["requestBody"] = {
            "required": operation.is_body_required,
            "content": {"application/json": {"schema": {"$ref": _REF.format(name=operation.body.__name__)}}},
        }
    needs_key = operation.needs not in (Right.OPEN, Right.SCRAPE)
    found["security"] = [{"key": []}] if has_keys and needs_key else []
    return found


def refusals(operation: Operation) -> tuple[int, ...]:
    """Every problem status that ``operation`` can answer."""
    found = {*operation.refusals, 400, 405, 500}
    if operation.needs is not Right.OPEN:
        found |= {401, 403, 429, 503}
    if operation.body is not None:
        found |= {408, 413, 415}
    return tuple(sorted(found))


def _reply(status: int, reply: type | str) -> dict[str, Any]:
    if isinstance(reply, str):
        schema: dict[str, Any] = {"type": "object"} if reply == "application/json" else {"type": "string"}
        return {"description": _STATUS_TEXT[status], "content": {reply: {"schema": schema}}}
    found: dict[str, Any] = {
        "description": _STATUS_TEXT[status],
        "content": {"application/json": {"schema": _reference(reply)}},
    }
    if status == 201:
        found["headers"] = {"Location": {"required": True, "schema": {"type": "string"}}}
        found["links"] = {name: {"operationId": name, "parameters": _SAME_ORDER} for name in _ORDER_OPERATIONS}
    return found


def _reference(reply: type) -> dict[str, str]:
    return {"$ref": _REF.format(name=reply.__name__)}


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": NAME_SCHEMA} for name in names]


def _query_parameters(query: type) -> list[dict[str, Any]]:
    return [
        {"name": spec.name, "in": "query", "required": spec.is_required, "schema": spec.kind.schema(False)}
        for spec in field_specs(query)
    ]


def _stream(path: str, summary: str, query: type) -> dict[str, Any]:
    return {"path": path, "summary": summary, "parameters": _query_parameters(query)}


def _schemas() -> dict[str, Any]:
    """Request bodies from their kinds, replies as msgspec encodes them."""
    replies: set[type] = {Problem}
    found: dict[str, Any] = {}
    for operation in OPERATIONS:
        replies |= {reply for reply in operation.replies.values() if not isinstance(reply, str)}
        if operation.body is not None:
            found[operation.body.__name__] = _body_schema(operation.body, is_open=operation.is_body_open)
    ordered = sorted(replies, key=lambda reply: reply.__name__)
    found |= msgspec.json.schema_components(ordered, ref_template=_REF)[1]
    return found


def _body_schema(shape: type, *, is_open: bool) -> dict[str, Any]:
    specs = field_specs(shape)
    return {
        "type": "object",
        "description": shape.__doc__,
        "properties": {spec.name: spec.kind.schema(not spec.is_required) for spec in specs},
        "required": [spec.name for spec in specs if spec.is_required],
        "additionalProperties": is_open,
    }
