"""Where and why a network fails: which images, in how many trainings, and what goes on inside."""
