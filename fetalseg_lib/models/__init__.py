"""The networks, one file per part, and the variants that change one factor each."""
