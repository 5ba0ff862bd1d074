"""The contract of algorithms and models, the fitted shapes, and one file an algorithm."""
