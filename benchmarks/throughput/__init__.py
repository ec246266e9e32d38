"""Workflows behind one global lock against workflows that share the GPU actor."""
