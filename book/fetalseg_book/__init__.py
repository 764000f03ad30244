"""What makes the book: figures, explorers, exercises, studies, the audit, the site.

It imports the library; the library never imports it.
"""
