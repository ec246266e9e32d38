"""The wall time of a warm run against decoding the same file alone."""
