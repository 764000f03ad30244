"""How fast networks and runtimes are on this machine, side by side: ``make bench``."""
