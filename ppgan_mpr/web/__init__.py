"""The web page and its JSON API, which restore the pictures of all visitors in one queue."""
