"""The six stages, each a function in a module or a package of its name, without Ray. A model reaches them only through
the engine contract. completeness says whether they have seen all of the video."""
