"""What the browser page needs beside its scripts, made when the book is built: runtime, card, pictures.

The page itself is ``book/browser.md``, its scripts lie in ``book/_static/browser``. Each of its folders that is
missing in a copy of the book is told to the reader, and the rest of the page works without it.
"""
