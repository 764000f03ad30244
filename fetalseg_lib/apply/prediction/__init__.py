"""From a trained network and anyone's image files to measured heads, pictures of them and one table."""
