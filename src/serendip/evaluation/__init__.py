"""How well models do on what was withheld from them: protocols, reports and comparisons."""
