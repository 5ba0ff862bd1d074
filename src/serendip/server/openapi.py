"""The OpenAPI document: the structures' schemas, the keys, and what any route may answer."""

from typing import Any

from fastapi import FastAPI

from serendip.server.keys import OPEN
from serendip.server.wire import content, ref, schemas
from serendip.service.answer import Failure

UNUSED = ("HTTPValidationError", "ValidationError")
GATE = {401: "a key is needed", 403: "the key does not open this", 429: "the key's rate is used up"}
EVERYWHERE = {503: "the store cannot be used, or too many requests wait: Retry-After says when to come again"}


def describe(app: FastAPI) -> None:
    """Let an app's document say what the framework does not know."""
    made = app.openapi

    def described() -> dict[str, Any]:
        document = made()
        parts = document.setdefault("components", {})
        parts.setdefault("schemas", {}).update(schemas())
        parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        for unused in UNUSED:
            parts["schemas"].pop(unused, None)
        for path, operations in document["paths"].items():
            for operation in operations.values():
                complete(path, operation)
        return document

    app.openapi = described  # type: ignore[method-assign]


def complete(path: str, operation: dict[str, Any]) -> None:
    """Add to an operation what stands around all of them: the gate, and what is answered where it cannot be."""
    answers: dict[str, Any] = operation["responses"]
    said = answers.get("422", {}).get("content", {}).get("application/json", {})
    if said.get("schema", {}).get("$ref", "").endswith("HTTPValidationError"):
        said["schema"] = ref(Failure)
    for status, why in ({} if path in OPEN else GATE | EVERYWHERE).items():
        answers.setdefault(str(status), {"description": why, **content(ref(Failure))})
    if path not in OPEN:
        operation["security"] = [{"key": []}, {}]  # none is needed as long as there is no key
