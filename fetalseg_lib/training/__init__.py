"""Losses, the training loop and checkpoints that survive a kill."""
