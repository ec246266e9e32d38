"""Many workflows over time: what was asked for is kept, runs when it is its turn, and is told of. No HTTP here."""
