"""What several benchmarks measure with: place, use of the machine, videos, plots."""
