"""Models of other libraries as models of ours: one file a library, which is imported there alone."""
