"""The OpenAPI description of the JSON API."""

from __future__ import annotations

from typing import Any

from ..apps.result import ResultRecord
from ..inference import InferenceOptions
from ..networks import networks, tasks
from ..version import __version__
from .jobs import CANCELLED, DONE, FAILED, RUNNING, STOPPING, WAITING
from .requests import CHOSEN_OPTIONS

Schema = dict[str, Any]


def description() -> Schema:
    """The document, in JSON's types."""
    job_id = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    job, picture = _content("Job"), {"image/*": {"schema": _BINARY}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Restore photographs",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/restore": {
                "post": {
                    "summary": "Put a picture into the queue",
                    "requestBody": {
                        "required": True,
                        "content": {"multipart/form-data": {"schema": _form()}},
                    },
                    "responses": {
                        "202": _answer("Accepted; Location is the job's address", job),
                        **_refusals("408", "413", "415", "422", "503"),
                    },
                }
            },
            "/jobs/{id}": {
                "parameters": job_id,
                "get": _operation("State and progress", job, "404"),
                "delete": {
                    "summary": "Cancel, and remove all files of the job",
                    "responses": {"204": {"description": "Removed"}, **_refusals("404")},
                },
            },
            "/jobs/{id}/cancel": {
                "parameters": job_id,
                "post": _operation("Stop, after the current tile at the latest", job, "404"),
            },
            "/jobs/{id}/result": {
                "parameters": job_id,
                "get": _operation(
                    "The restored file, byte for byte what mprnet writes", picture, "404", "409"
                ),
            },
            "/jobs/{id}/{side}.view": {
                "parameters": [
                    *job_id,
                    {
                        "name": "side",
                        "in": "path",
                        "required": True,
                        "schema": {"enum": ["before", "after"]},
                    },
                ],
                "get": _operation("A full-size picture that browsers show", picture, "404", "409"),
            },
            "/choices": {
                "get": _operation("Tasks, weights and limits", {"application/json": {}}),
            },
            "/health": {
                "get": _operation("Whether the server restores", {"application/json": {}}, "503"),
            },
            "/metrics": {
                "get": _operation("Figures for Prometheus", {"text/plain": {}}),
            },
            "/openapi.json": {
                "get": _operation("This description", {"application/json": {}}),
            },
        },
        "components": {"schemas": {"Job": _job(), "Record": _record(), "Error": _ERROR}},
    }


_BINARY: Schema = {"type": "string", "format": "binary"}
_ERROR: Schema = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        }
    },
}


def _form() -> Schema:
    """The fields of the posted form: the files, the task, and options by their names."""
    documented = {option.name: option for option in InferenceOptions.documented()}
    fields: Schema = {
        "image": {**_BINARY, "description": "the picture; of two views, the left one"},
        "right": {**_BINARY, "description": "the right view, for tasks with two"},
        "task": {"type": "string", "enum": list(tasks())},
    }
    for name in CHOSEN_OPTIONS:
        details = documented[name].metadata
        kind = {"N": "integer", "S": "number"}.get(details.get("metavar", ""), "string")
        if name in ("local", "ensemble"):
            kind = "boolean"
        fields[name] = {"type": kind, "description": details["help"]}
        if kind == "string" and "choices" in details:
            fields[name]["enum"] = list(details["choices"])
    fields["network"]["enum"] = [spec.name for spec in networks()]
    return {"type": "object", "properties": fields, "required": ["image", "task"]}


def _job() -> Schema:
    text, number = {"type": "string"}, {"type": "integer"}
    states = [WAITING, RUNNING, STOPPING, DONE, FAILED, CANCELLED]
    properties: Schema = {
        "id": text,
        "name": text,
        "task": text,
        "state": {"type": "string", "enum": states},
        "position": {**number, "description": "pictures that are restored before this one begins"},
        "tiles_done": number,
        "tiles": {**number, "description": "0 until the network is ready"},
        "error": {"type": ["string", "null"]},
        "record": {"anyOf": [_reference("Record"), {"type": "null"}]},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def _record() -> Schema:
    properties: Schema = {name: {} for name in ResultRecord("").to_dict()}
    return {"type": "object", "description": "How it was restored", "properties": properties}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _content(name: str) -> Schema:
    return {"application/json": {"schema": _reference(name)}}


def _answer(text: str, content: Schema) -> Schema:
    return {"description": text, "content": content}


def _operation(summary: str, content: Schema, *refusals: str) -> Schema:
    responses = {"200": _answer(summary, content), **_refusals(*refusals)}
    return {"summary": summary, "responses": responses}


def _refusals(*statuses: str) -> Schema:
    meanings = {
        "404": "No such job, or it has expired",
        "408": "The upload stopped half-way",
        "409": "Not done",
        "413": "Too many bytes or pixels",
        "415": "Not a picture",
        "422": "An option makes no sense",
        "503": "The queue is full",
    }
    return {status: _answer(meanings[status], _content("Error")) for status in statuses}
