"""How robust is a trained network, and does it warn when it fails? One difficulty at a time, by degrees."""
