"""The JSON API, over HTTP."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image
from raw_samples import dng, patches
from web_samples import TILES, by_command_line, png

from ppgan_mpr.web.limits import Limits


def jpeg_with_metadata():
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    file = io.BytesIO()
    image = Image.open(io.BytesIO(png(40, 30)))
    image.save(file, "JPEG", quality=90, exif=exif, dpi=(300, 300))
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "fields", "flags"),
    [
        ("photo.png", png(90, 70), {}, []),
        ("a b.JPG", jpeg_with_metadata(), {"strength": "0.5"}, ["--strength", "0.5"]),
        ("photo.jpg", jpeg_with_metadata(), {"suffix": "tif"}, ["--format", "tif"]),
    ],
)
def test_the_result_equals_that_of_mprnet(client, tmp_path, name, content, fields, flags):
    answer = client.restore(content, name, **fields)
    assert answer.status_code == 202
    job = client.wait(client.get(answer.headers["location"]).json())
    assert job["state"] == "done", job["error"]
    result = client.get(f"/jobs/{job['id']}/result")
    assert result.content == by_command_line(tmp_path, content, name, *flags)
    assert job["record"]["source"] == name
    assert job["record"]["output"] in result.headers["content-disposition"].replace("%20", " ")
    assert result.headers["content-disposition"].startswith("attachment")


def test_progress_counts_tiles(client):
    job = client.wait(client.restore(png(150, 100)).json())
    assert job["tiles_done"] == job["tiles"] > 1


def test_both_views_are_pictures_of_the_same_size(client):
    file = io.BytesIO()
    Image.open(io.BytesIO(png(30, 20))).save(file, "TIFF")  # which browsers do not show
    job = client.wait(client.restore(file.getvalue(), "scan.tif").json())
    for side in ("before", "after"):
        answer = client.get(f"/jobs/{job['id']}/{side}.view")
        assert answer.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(answer.content)).size == (30, 20)
    assert client.get(f"/jobs/{job['id']}/other.view").status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("notes.png", b"no picture at all", "not_a_picture"),
        ("cut.png", png()[:60], None),
        ("empty.png", b"", "no_picture"),
        ("../../etc/passwd", b"root:x:0:0", "not_a_picture"),
        ("camera.dng", dng(patches()), "raw_file"),
    ],
)
def test_a_wrong_file_is_refused_without_a_path_of_the_server(client, name, content, code):
    answer = client.restore(content, name)
    if code is None:  # only decoding finds the damage
        message = client.wait(answer.json())["error"]["message"]
    else:
        assert 400 <= answer.status_code < 500
        assert answer.json()["error"]["code"] == code
        message = answer.json()["error"]["message"]
    assert message
    assert not re.search(r"/tmp|mprnet-web-", message)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"task": "Denoisin"}, "Denoising"),
        ({"task": ""}, "no task"),
        ({"strength": "2"}, "from 0 to 1"),
        ({"ensemble": "yes"}, "give true or false"),
        ({"task": ["Denoising", "auto"]}, "cannot be one of several"),
        ({"task": "auto", "scale": "2", "network": ""}, "scale=2"),
        ({"strength": "strong"}, "give a number"),
        ({"network": "mprnett"}, "MPRNet"),
        ({"output_path": "/etc"}, "no field"),
        ({"existing": "overwrite"}, "no field"),
        ({"task": "Retouching"}, "lite"),
    ],
)
def test_a_wrong_option_is_refused_in_one_sentence(client, fields, words):
    answer = client.restore(png(), **fields)
    assert answer.status_code == 422
    assert words in answer.json()["error"]["message"]


def test_unknown_jobs_and_paths_are_not_found(client):
    for path in (
        "/jobs/none",
        "/jobs/none/result",
        "/jobs/..%2f..%2fetc/result",
        "/page/../app.py",
    ):
        assert client.get(path).status_code == 404
    assert client.get("/page/%2e%2e/app.py").status_code == 404


def test_an_unfinished_result_is_refused(serve):
    client = serve(**TILES)
    slow = client.restore(png(900, 900)).json()
    waiting = client.restore(png()).json()
    assert waiting["position"] == 1
    answer = client.get(f"/jobs/{waiting['id']}/result")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_done")
    assert client.delete(f"/jobs/{waiting['id']}").status_code == 204
    assert client.get(f"/jobs/{waiting['id']}").status_code == 404
    client.delete(f"/jobs/{slow['id']}")


def test_a_full_queue_asks_to_try_again(serve):
    client = serve(Limits(queue=1), **TILES)
    running = client.wait(client.restore(png(900, 900)).json(), "running")
    assert client.restore(png()).status_code == 202
    answer = client.restore(png())
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "queue_full")
    assert int(answer.headers["retry-after"]) > 0
    assert client.figures()['mprnet_web_rejected_total{reason="queue_full"}'] == 1
    client.post(f"/jobs/{running['id']}/cancel")


def test_too_large_uploads_are_refused(serve):
    client = serve(Limits(upload=10_000, pixels=1000))
    assert client.restore(png(10, 10)).status_code == 202
    large, wide = client.restore(png(100, 100)), client.restore(png(100, 11))
    assert large.json()["error"]["code"] == "too_large"
    assert wide.json()["error"]["code"] == "too_many_pixels"
    assert large.status_code == wide.status_code == 413

    def chunks():  # a body that does not state its length
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
        yield from [b"x" * 1000] * 20

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert client.post("/restore", content=chunks(), headers=headers).status_code == 413


def test_cancelling_stops_after_the_current_tile(client):
    job = client.wait(client.restore(png(1500, 1500)).json(), "running")
    assert client.post(f"/jobs/{job['id']}/cancel").json()["state"] in ("stopping", "cancelled")
    job = client.wait(job)
    assert job["state"] == "cancelled"
    assert job["tiles_done"] < 100
    assert client.figures()["mprnet_web_running"] == 0
    assert client.wait(client.restore(png()).json())["state"] == "done"


def test_health_and_metrics_are_reported(client):
    before = client.figures()
    assert client.wait(client.restore(png(20, 10)).json())["state"] == "done"
    after = client.figures()
    assert after["mprnet_web_pixels_total"] == before["mprnet_web_pixels_total"] + 200
    assert client.get("/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")
    health = client.get("/health")
    assert health.status_code == 200
    assert health.json()["status"] == "ok"


def test_a_missing_right_view_is_refused(client):
    answer = client.restore(png(), task="DualPixelDeblurring", network="", model="published")
    assert answer.json()["error"]["code"] == "views"
