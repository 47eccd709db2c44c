"""What su-eval found as one self-contained page: look, sort, listen. matplotlib's home is figures.py."""
