import numpy as np
from apps_samples import picture, predictor
from detection_samples import codes, scene

from ppgan_mpr import AutoPredictor, MPRPredictor
from ppgan_mpr.apps.display import before_and_after
from ppgan_mpr.detection import Finding


def test_restored_array_is_shown_beside_the_original(tmp_path):
    image = np.asarray(picture())
    result = MPRPredictor(None, task="Denoising", model="lite").run(image)[0]
    before, after = before_and_after(result)
    assert np.array_equal(np.asarray(before), image)
    assert np.array_equal(np.asarray(after), result.image)


def test_restored_file_is_shown_beside_its_source(tmp_path):
    picture().save(tmp_path / "photo.png")
    result = predictor(tmp_path).run(tmp_path / "photo.png")[0]
    before, after = before_and_after(result)
    assert np.array_equal(np.asarray(before), np.asarray(picture()))
    assert after.size == before.size and not np.array_equal(np.asarray(after), np.asarray(before))


def test_results_in_a_notebook_are_sliders_and_errors(tmp_path):
    picture().save(tmp_path / "good.png")
    (tmp_path / "<bad>.png").write_bytes(b"no picture")
    results = predictor(tmp_path).run([tmp_path / "good.png", tmp_path / "<bad>.png"])
    html = results._repr_html_()
    assert html.count('type="range"') == 1 and html.count("data:image/jpeg") == 2
    assert "&lt;bad&gt;.png" in html and "<bad>" not in html
    assert results[:1]._repr_html_().count('type="range"') == 1
    assert 'type="range"' in results[0]._repr_html_()


def test_missing_source_is_shown_as_a_sentence(tmp_path):
    picture().save(tmp_path / "photo.png")
    result = predictor(tmp_path).run(tmp_path / "photo.png")[0]
    (tmp_path / "photo.png").unlink()
    assert "photo.png" in result._repr_html_() and "range" not in result._repr_html_()


def test_only_the_first_of_many_results_are_shown():
    results = MPRPredictor(None, task="Denoising", model="lite").run([np.asarray(picture())] * 14)
    html = results._repr_html_()
    assert html.count('type="range"') == 12 and "2 more" in html


def test_pictures_left_alone_are_shown_as_a_sentence(monkeypatch):
    sharp = codes(scene(height=96, width=96))
    (clean,) = AutoPredictor(None, model="lite").run(sharp)
    assert "nothing to restore" in clean._repr_html_()
    unsure = Finding({"": 0.4, "noise": 0.6})
    monkeypatch.setattr("ppgan_mpr.apps.auto.detect", lambda photo: unsure)
    (doubtful,) = AutoPredictor(None, model="lite").run(sharp)
    assert "perhaps noise, left alone" in doubtful._repr_html_()
