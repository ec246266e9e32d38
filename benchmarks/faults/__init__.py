"""Workflows while their processes are killed, stopped and made to fail."""
