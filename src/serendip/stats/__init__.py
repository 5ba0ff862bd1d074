"""What can be said beyond chance: intervals of means, and comparisons of models on the same users."""
