"""Files in and out: models and data sets."""
