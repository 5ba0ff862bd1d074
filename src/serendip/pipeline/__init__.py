"""From a model to a slate that can be shown: retrieve, filter, and a fallback that always answers."""
