"""The claims themselves, one module per section of the note."""
