"""Training of the vocoder and of its predictors of duration and pitch."""
