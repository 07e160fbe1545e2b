"""The OpenAPI description of the JSON API."""

from __future__ import annotations

from typing import Any

from ..apps.result import ResultRecord
from ..apps.task_names import AUTO
from ..detection import CONFIDENT
from ..inference import InferenceOptions
from ..networks import networks, tasks
from ..version import __version__
from .job import FINISHED, RUNNING, STOPPING, WAITING
from .messages import CODES, FIELDS
from .requests import FLAG_FIELDS

Schema = dict[str, Any]


def description() -> Schema:
    """The OpenAPI document in the types of JSON."""
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
                    "summary": "Cancel the job and remove all its files",
                    "responses": {"204": {"description": "Removed"}, **_refusals("404")},
                },
            },
            "/jobs/{id}/cancel": {
                "parameters": job_id,
                "post": _operation("Stop the job after the current tile", job, "404"),
            },
            "/jobs/{id}/restore": {
                "parameters": job_id,
                "post": {
                    "summary": "Choose the task of an undecided picture",
                    "requestBody": {
                        "required": True,
                        "content": {
                            kind: {"schema": _choice()}
                            for kind in ("application/x-www-form-urlencoded", "multipart/form-data")
                        },
                    },
                    "responses": {
                        "202": _answer("The picture waits in the queue again", job),
                        **_refusals("404", "409", "422", "503"),
                    },
                },
            },
            "/jobs/{id}/result": {
                "parameters": job_id,
                "get": _operation(
                    "The restored file, identical to the one that the command mprnet writes",
                    picture,
                    "404",
                    "409",
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
                "get": {
                    "summary": "Whether the server restores pictures",
                    "responses": {
                        "200": _answer("It does", {"application/json": {}}),
                        "503": _answer("It no longer does", {"application/json": {}}),
                    },
                },
            },
            "/metrics": {
                "get": _operation("Metrics for Prometheus", {"text/plain": {}}),
            },
            "/openapi.json": {
                "get": _operation("This description", {"application/json": {}}),
            },
        },
        "components": {
            "schemas": {
                "Job": _job(),
                "Record": _record(),
                "Finding": _finding(),
                "Proposal": _proposal(),
                "Message": _message(),
                "Error": {"type": "object", "properties": {"error": _reference("Message")}},
            }
        },
    }


_BINARY: Schema = {"type": "string", "format": "binary"}
_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_WHOLE: Schema = {"type": "integer"}


def _form() -> Schema:
    """The fields of the upload form: the files, the task and the options."""
    fields = {
        "image": {**_BINARY, "description": "the picture, or the left of two views"},
        "right": {**_BINARY, "description": "the right view, for tasks with two views"},
        "task": {
            "type": "array",
            "items": {"type": "string", "enum": [AUTO, *tasks()]},
            "minItems": 1,
            "description": "one task, or several that run in order without rounding between "
            f"them; {AUTO} detects the task, and restores the picture if it is at least "
            f"{CONFIDENT:.0%} sure",
        },
        **_options(),
    }
    return {"type": "object", "properties": fields, "required": ["image", "task"]}


def _choice() -> Schema:
    """The fields of the form that chooses the task of an undecided picture."""
    fields = {
        "task": {
            "type": "string",
            "enum": list(tasks()),
            "description": "the task of a proposal, or any other task with one view",
        },
        **_options(),
    }
    return {"type": "object", "properties": fields, "required": ["task"]}


def _options() -> Schema:
    documented = {option.name: option for option in InferenceOptions.documented()}
    fields: Schema = {}
    for name in FIELDS:
        details = documented[name].metadata
        kind = {"N": "integer", "S": "number"}.get(details.get("metavar", ""), "string")
        if name in FLAG_FIELDS:
            kind = "boolean"
        fields[name] = {"type": kind, "description": details["help"]}
        if kind == "string" and "choices" in details:
            fields[name]["enum"] = list(details["choices"])
    fields["network"]["enum"] = [spec.name for spec in networks()]
    return fields


def _job() -> Schema:
    states = [WAITING, RUNNING, STOPPING, *FINISHED]
    properties: Schema = {
        "id": _TEXT,
        "name": _TEXT,
        "task": {**_TEXT, "description": f"the requested task, several as A+B, or {AUTO}"},
        "state": {"type": "string", "enum": states},
        "position": {**_WHOLE, "description": "number of pictures before this one"},
        "step": {**_WHOLE, "description": "number of the current task, from 1"},
        "steps": {**_WHOLE, "description": f"number of tasks; 0 while {AUTO} has not decided"},
        "preparing": {
            "type": "boolean",
            "description": "whether the network is being exported or compiled",
        },
        "tiles_done": {**_WHOLE, "description": "finished tiles of the current task"},
        "tiles": {**_WHOLE, "description": "all tiles of the current task; 0 until known"},
        "seconds_left": {
            "type": ["number", "null"],
            "description": "an estimate, from the second tile on",
        },
        "detected": _or_null("Finding"),
        "proposals": {"type": "array", "items": _reference("Proposal")},
        "warnings": {"type": "array", "items": _reference("Message")},
        "error": _or_null("Message"),
        "record": _or_null("Record"),
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def _finding() -> Schema:
    properties: Schema = {
        "degradation": {**_TEXT, "description": "the most probable one; empty for none"},
        "confidence": {**_NUMBER, "description": "its probability"},
        "certain": {"type": "boolean", "description": f"confidence of at least {CONFIDENT}"},
        "probabilities": {"type": "object", "additionalProperties": _NUMBER},
    }
    return {"type": "object", "description": "The degradation that was detected",
            "properties": properties}  # fmt: skip


def _proposal() -> Schema:
    properties: Schema = {
        "task": _TEXT,
        "degradation": _TEXT,
        "probability": _NUMBER,
        "network": _TEXT,
        "model": _TEXT,
        "megabytes": {"type": ["number", "null"], "description": "size of the weights"},
        "embedded": {"type": "boolean", "description": "whether the weights need no download"},
    }
    return {"type": "object", "description": "A choice for an undecided picture",
            "properties": properties}  # fmt: skip


def _message() -> Schema:
    properties: Schema = {
        "code": {
            "type": "string",
            "enum": list(CODES),
            "description": "; ".join(f"{code}: {meaning}" for code, meaning in CODES.items()),
        },
        "message": {**_TEXT, "description": "an English sentence"},
        "parameters": {"type": "object", "description": "the values inside the sentence"},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def _record() -> Schema:
    properties: Schema = {name: {} for name in ResultRecord("").to_dict()}
    return {"type": "object", "description": "How it was restored", "properties": properties}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _or_null(name: str) -> Schema:
    return {"anyOf": [_reference(name), {"type": "null"}]}


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
        "408": "The upload stopped before its end",
        "409": "The state of the job does not allow it",
        "413": "Too many bytes or pixels",
        "415": "Not a picture",
        "422": "An option is invalid",
        "503": "The queue is full",
    }
    return {status: _answer(meanings[status], _content("Error")) for status in statuses}
