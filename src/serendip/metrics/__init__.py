"""Pure functions from arrays to values of metrics: `catalogue` lists them, `name` reads their names."""
