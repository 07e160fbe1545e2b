"""The whole page in a real browser, with its own Content-Security-Policy."""

from __future__ import annotations

import pytest
from chromium import PROGRAM
from web_samples import LITE, by_command_line, picture, png, restore, set_fields

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")


def test_a_picture_is_uploaded_compared_and_downloaded(visit, client, tmp_path):
    page = visit()
    content = png(300, 200)
    restore(page, picture(tmp_path, "photo.png", content))
    page.until("document.querySelector('li.done')")
    page.until("!document.getElementById('viewer').hidden && after.clientWidth")

    sizes = "[before, after].map((image) => [image.naturalWidth, image.naturalHeight])"
    assert page.evaluate(sizes) == [[300, 200], [300, 200]]
    x, y = page.centre("#stage")
    page.mouse("mousePressed", x, y)
    page.mouse("mouseMoved", x - 75, y)
    page.mouse("mouseReleased", x - 75, y)
    assert page.evaluate("Number(divide.value)") == pytest.approx(25, abs=1)
    assert page.evaluate("parseFloat(pair.style.getPropertyValue('--x'))") == pytest.approx(
        75, abs=3
    )
    page.click("[data-zoom='4']")
    assert page.evaluate("after.clientWidth * devicePixelRatio") == 1200
    assert page.evaluate("getComputedStyle(after).imageRendering") == "pixelated"

    page.click(".download")
    file = page.downloaded()
    assert file.name == "photo_restoration.png"
    assert file.read_bytes() == by_command_line(tmp_path / "cli", content, "photo.png")
    assert page.hosts() == {client.base_url.netloc.decode()}
    assert page.complaints() == []


def test_a_dropped_picture_is_tried_at_two_strengths(visit):
    page = visit()
    set_fields(page, **LITE)
    page.evaluate(
        """(async () => {
            const canvas = new OffscreenCanvas(40, 30);
            const pen = canvas.getContext('2d');
            for (let x = 0; x < 40; x += 1) {
                pen.fillStyle = `hsl(${x * 47} 80% 50%)`;
                pen.fillRect(x, 0, 1, 30);
            }
            const dropped = new DataTransfer();
            dropped.items.add(new File([await canvas.convertToBlob()], 'dropped.png'));
            document.dispatchEvent(new DragEvent('drop', { dataTransfer: dropped }));
        })()"""
    )
    page.until("document.querySelector('li.ready')")
    page.click("#restore")
    page.until("document.querySelector('li.done')")
    page.evaluate("strength.value = 0.5, undefined")
    page.click(".again")
    page.until("document.querySelectorAll('li.done').length === 2")
    first, second = page.evaluate(
        """Promise.all([...document.querySelectorAll('.download')].map(async (link) =>
            [...new Uint8Array(await (await fetch(link.href)).arrayBuffer())]))"""
    )
    assert first != second
    page.click(".remove")
    page.until("document.querySelectorAll('li').length === 1")


def test_a_wrong_file_fails_with_a_reason_and_others_do_not(visit, tmp_path):
    page = visit()
    restore(
        page,
        picture(tmp_path, "notes.txt", b"milk, bread"),
        picture(tmp_path, "photo.png", png()),
    )
    assert "notes.txt" in page.until("document.querySelector('li.failed .state')?.textContent")
    page.until("document.querySelector('li.done')")
    assert page.evaluate("document.querySelectorAll('li').length") == 2


def test_two_visitors_get_their_own_pictures(visit, tmp_path):
    contents = {name: png(90, 60, seed) for seed, name in enumerate(("one.png", "two.png"))}
    pages = {name: visit(name.partition(".")[0]) for name in contents}
    for name, page in pages.items():
        restore(page, picture(tmp_path, name, contents[name]))
    for name, page in pages.items():
        page.until("document.querySelector('li.done')")
        page.click(".download")
        expected = by_command_line(tmp_path / f"cli-{name}", contents[name], name)
        assert page.downloaded().read_bytes() == expected
        assert page.evaluate("document.querySelectorAll('li').length") == 1


def test_the_keyboard_alone_is_enough(visit, tmp_path):
    page = visit()
    page.upload("#files", picture(tmp_path, "photo.png", png(60, 40)))
    page.until("!document.getElementById('restore').disabled")
    reached = []
    while not reached or reached[-1] != "restore":
        page.press("Tab", 9)
        reached.append(page.evaluate("document.activeElement.id"))
        while reached[-1] == "task" and page.evaluate("task.value") != LITE["task"]:
            page.press("ArrowDown", 40)
        if reached[-1] == "strength":
            page.press("ArrowLeft", 37)
    settings = ["task", "then", "network", "model", "strength", "max_size"]
    assert reached == ["language", "files", *settings, "restore"]
    assert page.evaluate("document.getElementById('strength').value") == "0.95"
    page.press("Enter", 13)
    page.until("document.querySelector('li.done')")
    page.evaluate("document.getElementById('divide').focus()")
    before = page.evaluate("pair.style.getPropertyValue('--x')")
    page.press("ArrowRight", 39)
    assert page.evaluate("pair.style.getPropertyValue('--x')") != before
    page.evaluate("document.getElementById('stage').focus()")
    page.press("+", 187)
    assert page.evaluate("document.querySelector('[data-zoom=\"1\"]').ariaPressed") == "true"


def test_an_invalid_longest_side_is_reported_in_the_language_of_the_page(visit, tmp_path):
    page = visit()
    set_fields(page, language="zh")
    restore(page, picture(tmp_path, "photo.png", png()), **LITE, max_size="5")
    assert "16" in page.until("notice.textContent")
    assert page.evaluate("document.activeElement.id") == "max_size"
    assert page.evaluate("document.querySelectorAll('li.ready').length") == 1
    page.evaluate("max_size.value = ''")
    page.click("#restore")
    page.until("document.querySelector('li.done')")
    assert page.evaluate("notice.textContent") == ""


def test_views_are_chosen_in_pairs(visit, tmp_path):
    page = visit()
    set_fields(page, task="DualPixelDeblurring")
    page.upload("#files", picture(tmp_path, "left.png", png()))
    assert "1" in page.until("document.getElementById('waiting-files').textContent")
    page.upload("#right", picture(tmp_path, "right.png", png()))
    page.until("document.querySelector('li.ready')")
    assert page.evaluate("document.getElementById('waiting-files').textContent") == ""


def test_everything_has_a_text_in_both_languages(visit):
    page = visit()
    script = "[...document.querySelectorAll('[data-t]')].map((element) => element.textContent)"
    english = page.evaluate(script)
    page.evaluate("language.value = 'zh', language.dispatchEvent(new Event('change')), undefined")
    chinese = page.evaluate(script)
    assert all(english)
    assert not set(english) & set(chinese)
    assert page.evaluate("document.documentElement.lang") == "zh"
    missing = """import('/page/translations.js').then(({ TEXTS }) =>
        Object.keys(TEXTS.en).filter((key) => !(key in TEXTS.zh)))"""
    assert page.evaluate(missing) == []


@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "zh")])
def test_the_page_fits_a_phone_in_both_colour_schemes(visit, tmp_path, scheme, language):
    page = visit()
    set_fields(page, language=language)
    page.command(
        "Emulation.setDeviceMetricsOverride",
        width=360,
        height=740,
        deviceScaleFactor=2,
        mobile=True,
    )
    page.command(
        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
    )
    name = f"{'a_long_name_without_a_space' * 3}.png"
    restore(page, picture(tmp_path, name, png(900, 300)))
    page.until("document.querySelector('li.done') && after.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for task in page.evaluate("[...task.options].map((option) => option.value)"):
        set_fields(page, task=task)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, task
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 23, 26)"
    assert dark == (scheme == "dark")
