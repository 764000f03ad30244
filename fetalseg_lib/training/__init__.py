"""Losses, the training loop and checkpoints that survive a kill.

Read in this order: ``config`` (every number of a training), ``losses``, ``device`` (where and in which
precision), ``epoch`` (one pass over the images, and what it gave), ``loop`` (the whole training),
``checkpoint`` (stop and go on).
"""
