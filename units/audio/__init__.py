"""Recordings in and out: spans of any file, exact to the sample, and where speech is in them."""
