"""Engines for tests and measurements in place of the models: scripted, pattern-reading, recording."""
