"""What becomes of pictures, and of the keyboard focus, when a page or a control goes away."""

from __future__ import annotations

import time

import pytest
from chromium import PROGRAM
from web_samples import picture, png, restore

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")

FOCUSED = "document.activeElement.className || document.activeElement.id"
PATIENCE = 60  # seconds


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


def test_leaving_the_page_asks_and_frees_the_processor(visit, client, tmp_path):
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


def test_an_idle_page_is_left_without_a_question(visit, tmp_path):
    page = visit()
    restore(page, picture(tmp_path, "photo.png", png()))
    page.until("document.querySelector('li.done')")
    page.evaluate("window.old = true")
    page.command("Page.reload")
    page.until("!window.old && document.readyState === 'complete'")


def test_the_focus_stays_near_what_went_away(visit, tmp_path):
    page = visit()
    restore(
        page,
        picture(tmp_path, "one.png", png(2000, 2000)),
        picture(tmp_path, "two.png", png()),
    )
    page.until("document.querySelector('li.running')")
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


def test_the_focus_moves_on_when_a_picture_is_done(visit, tmp_path):
    page = visit()
    restore(page, picture(tmp_path, "photo.png", png(300, 300)))
    page.until("document.querySelector('.cancel')?.checkVisibility()")
    page.evaluate("document.querySelector('.cancel').focus()")
    page.until("document.querySelector('li.done')")
    assert page.evaluate(FOCUSED) == "compare"
