"""The six stages, one file each: pure functions without Ray. A model reaches them only through the engine contract."""
