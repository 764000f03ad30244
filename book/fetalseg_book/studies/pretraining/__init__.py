"""An encoder from scratch: images, network, losses, loop and command."""
