"""Losses, the training loop and checkpoints that survive a kill.

Read in this order: ``config`` (every number of a training), ``losses``, ``device`` (where and in which
precision), ``history``, ``epoch`` (one pass over the images), ``loop`` (the whole training), ``checkpoint``
(stop and go on). Beside it: ``dense`` and ``pretraining`` (an encoder from scratch).
"""
