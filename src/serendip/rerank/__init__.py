"""The last stage of a pipeline: candidates with scores into an order that can be shown, on arrays alone."""
