"""One video through its chain of stages on Ray: planning, streaming, checkpoints, outputs."""
