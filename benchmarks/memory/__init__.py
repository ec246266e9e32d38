"""Whether memory stays flat, call by call and run by run."""
