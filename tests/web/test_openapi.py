from __future__ import annotations

import pytest
from web_samples import pictures_for_detection, png

from ppgan_mpr.web.app import create_app
from ppgan_mpr.web.openapi import description


def schema(name):
    return description()["components"]["schemas"][name]["properties"]


def form(path):
    content = description()["paths"][path]["post"]["requestBody"]["content"]
    return next(iter(content.values()))["schema"]["properties"]


def test_the_description_names_every_route():
    paths = {route.path.replace(":str", "") for route in create_app().routes}
    assert set(description()["paths"]) == paths - {"/", "/page"}


def test_jobs_are_as_described(client, root):
    done = client.wait(client.restore(png(), task="Deblurring").json())
    assert set(done) == set(schema("Job"))
    assert set(done["record"]) == set(schema("Record"))
    assert set(done["warnings"][0]) == set(schema("Message"))
    assert done["state"] in schema("Job")["state"]["enum"]
    doubtful = pictures_for_detection(root)["doubtful"]
    asking = client.wait(client.restore(doubtful, task="auto", network="").json())
    assert asking["state"] in schema("Job")["state"]["enum"]
    assert set(asking["detected"]) == set(schema("Finding"))
    assert set(asking["proposals"][0]) == set(schema("Proposal"))


@pytest.mark.parametrize(
    ("field", "kind", "values"),
    [
        ("task", "array", ["Denoising", "Deraining"]),
        ("max_size", "integer", "16"),
        ("strength", "number", "0.5"),
        ("allow_loss", "boolean", "true"),
        ("suffix", "string", "png"),
    ],
)
def test_fields_have_the_described_types(client, field, kind, values):
    assert form("/restore")[field]["type"] == kind
    assert client.restore(png(), **{field: values}).status_code == 202


def test_a_choice_takes_the_options_of_a_picture():
    files = {"image", "right"}
    assert set(form("/jobs/{id}/restore")) == set(form("/restore")) - files


def test_refusals_are_as_described(client):
    answer = client.restore(b"milk, bread")
    (error,) = answer.json().values()
    assert set(error) == set(schema("Message"))
    assert error["code"] in schema("Message")["code"]["enum"]
    assert error["parameters"] == {"name": "photo.png"}
