"""Is the phantom real enough? Measured on as many real images, and told apart by a classifier."""
