"""One's own images: bring them in, measure the heads, take the network elsewhere."""
