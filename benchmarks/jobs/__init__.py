"""What `speed.py` times: a file a kind of job."""
