"""How many numbers decide what is read or shown, and were chosen by looking at examples."""
