"""One file per figure or table."""
