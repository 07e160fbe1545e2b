"""The row of a picture in a real browser: its texts and buttons, and leaving the page."""

from __future__ import annotations

import re
import time

import pytest
from chromium import PROGRAM
from web_samples import by_command_line, picture, pictures_for_detection, png, restore, set_fields

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")

AUTO = {"task": "auto", "model": "lite"}
STATE = "document.querySelector('li .state').textContent"
FOCUSED = "document.activeElement.className || document.activeElement.id"
PATIENCE = 60  # seconds


@pytest.fixture(scope="module")
def pictures(root):
    return pictures_for_detection(root)


def test_the_automatic_task_is_the_default(visit, tmp_path, pictures):
    page = visit()
    assert page.evaluate("task.value") == "auto"
    assert not page.evaluate("document.getElementById('network-row').checkVisibility()")
    restore(page, picture(tmp_path, "noisy.png", pictures["noisy"]), **AUTO)
    page.until("document.querySelector('li.done')")
    assert re.search(r"Found noise \(\d+ % sure\)\. Denoising", page.evaluate(STATE))
    page.click(".download")
    expected = by_command_line(tmp_path / "cli", pictures["noisy"], "noisy.png")
    assert page.downloaded().read_bytes() == expected
    assert page.complaints() == []


def test_a_clean_picture_has_nothing_to_restore(visit, tmp_path, pictures):
    page = visit()
    restore(page, picture(tmp_path, "clean.png", pictures["clean"]), **AUTO)
    page.until("document.querySelector('li.clean')")
    assert "Nothing to restore" in page.evaluate(STATE)
    assert not page.evaluate("document.querySelector('.download').checkVisibility()")


def test_in_doubt_one_key_press_chooses(visit, tmp_path, pictures):
    page = visit()
    restore(page, picture(tmp_path, "doubtful.png", pictures["doubtful"]), **AUTO)
    page.until("document.querySelector('li.undecided')")
    assert "Perhaps noise" in page.evaluate(STATE)
    page.evaluate("document.querySelector('.proposals button').focus()")
    page.press("Enter", 13)
    page.until("document.querySelector('li.done')")
    assert page.evaluate("document.querySelector('.proposals').childElementCount") == 0
    page.click(".download")
    expected = by_command_line(tmp_path / "cli", pictures["doubtful"], "doubtful.png")
    assert page.downloaded().read_bytes() == expected


def test_a_proposal_that_needs_a_download_says_so(visit, tmp_path, pictures):
    page = visit()
    restore(page, picture(tmp_path, "dark.png", pictures["dark"]), **AUTO)
    page.until("document.querySelector('li.undecided')")
    button = page.evaluate("document.querySelector('.proposals button').textContent")
    assert "LowLight" in button
    assert "downloads the model published once" in button


def restored(page, tmp_path, content, **fields):
    """Restore one photo with these fields of the form; returns the state that the page shows."""
    restore(page, picture(tmp_path, "photo.png", content), **fields)
    page.until("document.querySelector('li.done')")
    return page.evaluate(STATE)


def check_download(page, tmp_path, content, *flags):
    """Check that the page offers the result that the command line writes."""
    page.click(".download")
    expected = by_command_line(tmp_path / "cli", content, "photo.png", *flags)
    assert page.downloaded().read_bytes() == expected


def test_a_second_task_follows_the_first(visit, tmp_path):
    page, content = visit(), png(90, 70)
    fields = {"task": "Denoising", "model": "lite", "then": "Deraining"}
    assert "Denoising + Deraining" in restored(page, tmp_path, content, **fields)
    check_download(page, tmp_path, content, "--task", "Denoising,Deraining")


def test_a_reduced_result_is_reported(visit, tmp_path):
    page, content = visit(), png(120, 60)
    fields = {"task": "Denoising", "model": "lite", "max_size": "40"}
    assert "reduced from 120 x 60 to 40 x 20" in restored(page, tmp_path, content, **fields)
    check_download(page, tmp_path, content, "--max-size", "40")


def test_weak_weights_give_a_warning_before_and_after_the_restoration(visit, tmp_path):
    page = visit()
    set_fields(page, task="Deblurring", model="lite")
    assert "choose published" in page.evaluate("warning.textContent")
    set_fields(page, model="published")
    assert not page.evaluate("warning.checkVisibility()")
    restore(page, picture(tmp_path, "a.png", png()), task="Deblurring", model="lite")
    page.until("document.querySelector('li.done')")
    assert "hardly help" in page.evaluate(STATE)
    better = "document.querySelector('.better')"
    assert page.evaluate(f"{better}.textContent") == "Restore with the model published"
    assert page.evaluate(f"{better}.checkVisibility()")


def test_the_time_left_is_shown(visit, tmp_path):
    page = visit()
    restore(page, picture(tmp_path, "large.png", png(1500, 1500)), task="Denoising", model="lite")
    state = page.until(f"{STATE}.includes('left') && {STATE}")
    assert re.search(r"Restoring: tile \d+ of \d+\. About \d+\s(s|min) left\.", state)
    page.click(".remove")


def press_focused(page, selector):
    page.evaluate(f"document.querySelector('{selector}').focus()")
    page.press("Enter", 13)


def accept_dialog(page):
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return page.command("Page.handleJavaScriptDialog", accept=True)
        except RuntimeError:  # it is not shown yet
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def test_leaving_the_page_asks_first_and_cancels_the_jobs(visit, client, tmp_path):
    page = visit()
    restore(
        page,
        picture(tmp_path, "large.png", png(2000, 2000)),
        picture(tmp_path, "waiting.png", png(2000, 2000, 1)),
    )
    page.until("document.querySelector('li.running') && document.querySelector('li.waiting')")
    before = client.figures()
    assert (before["mprnet_web_running"], before["mprnet_web_waiting"]) == (1, 1)
    page.command("Page.reload")
    accept_dialog(page)
    cancelled = 'mprnet_web_pictures_total{state="cancelled"}'
    end = time.monotonic() + PATIENCE
    while (now := client.figures())[cancelled] < before[cancelled] + 2:
        assert time.monotonic() < end, now
        time.sleep(0.05)
    assert (now["mprnet_web_running"], now["mprnet_web_waiting"]) == (0, 0)


def test_an_idle_page_can_be_left_without_a_question(visit, tmp_path):
    page = visit()
    restore(page, picture(tmp_path, "photo.png", png()))
    page.until("document.querySelector('li.done')")
    page.evaluate("window.old = true")
    page.command("Page.reload")
    page.until("!window.old && document.readyState === 'complete'")


def test_the_focus_stays_near_a_removed_control(visit, tmp_path):
    page = visit()
    restore(
        page,
        picture(tmp_path, "one.png", png(2000, 2000)),
        picture(tmp_path, "two.png", png()),
    )
    # The small picture may arrive first, and be restored first.
    page.until("document.querySelector('li.running:first-child')")
    press_focused(page, "li.running .cancel")
    page.until("document.querySelector('li.cancelled')")
    assert page.evaluate("document.activeElement.closest('li').className") == "cancelled"
    page.until("document.querySelector('li.done')")
    press_focused(page, "li.cancelled .remove")
    page.until("document.querySelectorAll('li').length === 1")
    assert page.evaluate("document.activeElement.closest('li').className") == "done"
    assert page.evaluate(FOCUSED) == "remove"
    page.press("Enter", 13)
    page.until("document.querySelectorAll('li').length === 0")
    assert page.evaluate(FOCUSED) == "files"


def test_a_refused_cancellation_is_reported(visit, tmp_path):
    page = visit()
    restore(page, picture(tmp_path, "large.png", png(1500, 1500)))
    page.until("document.querySelector('li.running')")
    page.evaluate(
        "window.usual = fetch; window.fetch = (path, options) => path.endsWith('/cancel') "
        "? Promise.reject(new TypeError('refused')) : usual(path, options)"
    )
    page.click(".cancel")
    page.until("document.getElementById('notice').textContent.includes('server')")
    assert page.evaluate("document.querySelector('.cancel').checkVisibility()")
    page.evaluate("window.fetch = usual")
    page.click(".cancel")
    page.until("document.querySelector('li.cancelled')")


def test_the_focus_moves_on_when_a_picture_is_done(visit, tmp_path):
    page = visit()
    restore(page, picture(tmp_path, "photo.png", png(300, 300)))
    page.until("document.querySelector('.cancel')?.checkVisibility()")
    page.evaluate("document.querySelector('.cancel').focus()")
    page.until("document.querySelector('li.done')")
    assert page.evaluate(FOCUSED) == "compare"
