"""The page about the API: the OpenAPI schema in words, rendered by us.

Swagger's page needs inline styles and a Trusted Types policy of its own; this one keeps the strict rules of every page.
"""

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from drf_spectacular.generators import SchemaGenerator

from messenger.web.gates import person_of

METHODS = ("get", "post", "delete")
Schema = dict[str, Any]


@login_required
@require_GET
def docs(request: HttpRequest) -> HttpResponse:
    """Every call with what it takes and what it answers."""
    person_of(request)
    schema: Schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # untyped upstream
    return render(request, "messenger/api/docs.html", {"calls": list(_calls(schema))})


def _calls(schema: Schema) -> Iterator[dict[str, Any]]:
    for path, operations in schema["paths"].items():
        for method in METHODS:
            if method in operations:
                yield _call(schema, path, method, operations[method])


def _call(schema: Schema, path: str, method: str, operation: Schema) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return {
        "method": method.upper(),
        "path": path,
        "anchor": operation["operationId"],
        "what": operation.get("description", ""),
        "parameters": [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"],
        "headers": [p for p in operation.get("parameters", []) if p["in"] == "header"],
        "fields": _fields(schema, body),
        "answers": [
            {"status": status, "shape": _shape_of(answer)} for status, answer in sorted(operation["responses"].items())
        ],
    }


def _fields(schema: Schema, body: Schema) -> list[dict[str, Any]]:
    name = body.get("$ref", "").rpartition("/")[2]
    shape = schema.get("components", {}).get("schemas", {}).get(name, {})
    required = set(shape.get("required", ()))
    return [
        {"name": field, "type": _type_of(about), "is_required": field in required}
        for field, about in shape.get("properties", {}).items()
    ]


def _type_of(about: Schema) -> str:
    if about.get("type") == "array":
        return f"list of {_type_of(about['items'])}"
    return str(about.get("format") or about.get("type") or "choice")


def _shape_of(answer: Schema) -> str:
    content = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return str(content.get("$ref", "")).rpartition("/")[2].removesuffix("Shape")
