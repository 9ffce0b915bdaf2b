"""The networks that the theorems promise, each with its claims."""
