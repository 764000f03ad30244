"""Chapters with exercises that need NumPy, SciPy or PyTorch: one file for each, in the page's order."""
