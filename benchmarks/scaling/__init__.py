"""How the CPU stages scale with nodes, measured on two and simulated on more."""
