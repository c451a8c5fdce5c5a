"""Validates answers against the providers' own OpenAPI structure.

A property that the structure does not name is a failure, unless it is listed here with the reason.
"""

from __future__ import annotations

import datetime as dt
import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

SPECS = Path(__file__).parent / "specs"
GOCARDLESS = "gocardless-bad-v2-structure.json"
TRADING212 = "trading212-v0-structure.json"

# Seen on the real API, absent from or narrower in its specification.
REAL_BUT_UNSPECIFIED: dict[str, dict[str, Any]] = {
    # Banks that convert send the amount that was asked for with the rate.
    "CurrencyExchangeSchema": {
        "instructedAmount": {"$ref": "#/components/schemas/TransactionAmountSchema"}
    },
    # It is null until the first read of the account's data.
    "Account": {"last_accessed": {"type": ["string", "null"], "format": "date-time"}},
    # In real reads of a requisition it is null when none was given.
    "Requisition": {"ssn": {"type": ["string", "null"]}},
    "SpectacularRequisition": {"ssn": {"type": ["string", "null"]}},
    # The end of paging is a JSON null.
    "PaginatedResponseHistoricalOrder": {"nextPagePath": {"type": ["string", "null"]}},
    "PaginatedResponseHistoryDividendItem": {"nextPagePath": {"type": ["string", "null"]}},
    "PaginatedResponseHistoryTransactionItem": {"nextPagePath": {"type": ["string", "null"]}},
}

_checker = FormatChecker(formats=("uuid", "date"))


@_checker.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or dt.datetime.fromisoformat(value).tzinfo is not None


@cache
def _document(spec: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((SPECS / spec).read_text())
    for name, schema in document["components"]["schemas"].items():
        if "properties" in schema:
            schema["properties"] |= REAL_BUT_UNSPECIFIED.get(name, {})
    closed = _close(document)
    assert isinstance(closed, dict)
    return closed


def _close(node: Any) -> Any:
    """Turn OpenAPI 3.0 into JSON Schema: ``nullable``, and no property beyond those named."""
    if isinstance(node, list):
        return [_close(each) for each in node]
    if not isinstance(node, dict):
        return node
    schema = {key: _close(value) for key, value in node.items()}
    if schema.pop("nullable", False) and "type" in schema:
        schema["type"] = [schema["type"], "null"]
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        schema.setdefault("additionalProperties", False)
    return schema


def validate(spec: str, path: str, status: int, body: object, method: str = "get") -> None:
    """Check a body against what the specification says of a path, method and status."""
    document = _document(spec)
    response = document["paths"][path][method]["responses"][str(status)]
    content = response["content"]
    schema = next(iter(content.values()))["schema"]
    check(spec, schema, body)


def check(spec: str, schema: dict[str, Any], body: object) -> None:
    """Check a body against a schema of a specification."""
    resource = Resource.from_contents(_document(spec), default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("urn:spec", resource)
    rooted = json.loads(json.dumps(schema).replace('"#/', '"urn:spec#/'))
    validator = Draft202012Validator(rooted, registry=registry, format_checker=_checker)
    errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]
    assert not errors, "\n".join(errors[:10])
