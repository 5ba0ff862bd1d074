"""The verbs: what the command line and the server both call, one file each."""
