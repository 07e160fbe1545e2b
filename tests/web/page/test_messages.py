"""The page's translation of messages, in a real browser."""

from __future__ import annotations

import pytest
from chromium import PROGRAM
from web_samples import set_fields

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")


def test_every_part_of_a_warning_has_a_chinese_text(visit):
    page = visit()
    set_fields(page, language="zh")
    said = page.evaluate(
        """import('/page/messages.js').then(({ sentence }) => sentence({
            code: 'lacks', message: 'the result lacks …',
            parameters: { items: ['the content credentials (C2PA), which sign the source',
                'the depth map', 'the chunk abCD'] } }))"""
    )
    assert said == "结果不包含：内容凭证（C2PA）、深度图、其他数据。"
