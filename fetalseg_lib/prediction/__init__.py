"""From a trained network and anyone's image files to measured heads, pictures of them and one table."""

NOTICE = "a teaching tool, not for clinical use"
"""What every output says."""
