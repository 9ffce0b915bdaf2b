"""What a run shows: tables, curves, summaries."""
