"""The theorems as symbols."""
