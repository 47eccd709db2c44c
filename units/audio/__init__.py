"""Recordings in and out: spans of any file, exact to the sample, and the stretches of speech in them."""
