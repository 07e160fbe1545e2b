import io

from ppgan_mpr.commands.progress import TileBar, photo_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def on_terminal(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    return stream


def test_tiles_of_a_large_photo_are_counted(monkeypatch):
    terminal, bar = on_terminal(monkeypatch), TileBar()
    for done in range(1, 4):
        bar("holiday/photo.jpg", done, 3)
    assert "photo.jpg" in terminal.getvalue() and "3/3" in terminal.getvalue()


def test_a_photo_of_one_tile_has_no_bar(monkeypatch):
    terminal = on_terminal(monkeypatch)
    TileBar()("photo.jpg", 1, 1)
    assert terminal.getvalue() == ""


def test_nothing_is_shown_where_nobody_looks(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    TileBar()("photo.jpg", 1, 3)
    with photo_bar(3) as bar:
        bar.update()
    assert stream.getvalue() == ""
