"""Measurements: accuracy on a generated corpus, throughput, scaling. Not part of the installed package."""
