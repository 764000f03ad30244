"""Images from anywhere, whoever made them: read as grey, or refused with the reason and the mend."""
