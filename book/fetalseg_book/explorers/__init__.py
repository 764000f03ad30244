"""Small instruments for a page: they move under the reader's hand, without a kernel and without a network.

Each is one HTML element with its style and script inside, drawn in Python as it looks at first. So it stands
in a notebook as well as on the site, and without scripts the first view stays, with its sentence.
"""
