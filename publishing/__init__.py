"""What turns the built site into something to hand out: pictures of its pages, a PDF, notebooks for Colab.

Nothing here belongs to the library, and no chapter imports it.
"""
