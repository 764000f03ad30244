"""From a configuration to a run's result files, and from many runs to tables."""
