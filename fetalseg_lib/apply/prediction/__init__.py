"""From a trained network and anyone's image files to measured heads, pictures of them and one table."""

from fetalseg_lib import NOTICE

__all__ = ["NOTICE"]
