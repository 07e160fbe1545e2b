"""The web page and its JSON API: one queue of pictures that visitors bring."""
