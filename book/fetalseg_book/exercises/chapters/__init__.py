"""The exercises of plain Python, one file for each chapter: they run in the page, too."""
