"""From masks as other tools keep them to a folder in HC18's layout, which everything here reads."""
