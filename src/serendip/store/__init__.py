"""What a project keeps: events, users and items in SQLite, fitted models as files."""
