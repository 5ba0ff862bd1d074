"""What a person looks at: pages over the services."""
