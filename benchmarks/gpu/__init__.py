"""What only a machine with a GPU can answer, phase by phase; `python -m benchmarks.gpu`."""
