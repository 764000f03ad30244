"""Studies that a chapter reports: each is run once, and its result files are kept."""
