"""Events, ids, features and queries: what the models learn from and are asked."""
