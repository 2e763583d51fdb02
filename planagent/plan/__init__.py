"""The plan as a value, as a graph and as a file."""
