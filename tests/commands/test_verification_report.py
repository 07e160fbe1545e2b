"""What the report of mprnet-verify says beside the scores."""

from verification_samples import score


def test_unknown_set_is_shown_beside_every_score(zoo, write_pairs, verify):
    zoo(score("One", 99), score("Another", 98))
    code, out, _, report = verify(write_pairs((40, 40)))
    assert code == 0
    assert "may be another set" in out
    assert "--dataset" in out
    assert [row["published"]["dataset"] for row in report["scores"]] == ["One", "Another"]
    assert verify(write_pairs((40, 40), name="one-again"))[0] == 1


def test_a_picture_in_tiles_is_mentioned(zoo, write_pairs, verify, monkeypatch):
    zoo(score("Anything (1)", 99))
    monkeypatch.setattr("ppgan_mpr.commands.verify.available", lambda: 5 << 20)
    _, out, _, report = verify(write_pairs((160, 200)))
    assert "Restored in tiles" in out
    assert report["data"]["restored_in_tiles"] == ["0"]
