"""What the browser page needs beside its scripts, made when the book is built: runtime, card, pictures.

The page itself is ``book/browser.md``, its scripts lie in ``book/_static/browser``. Where one of
these parts is missing in a copy of the book, the page says so.
"""
