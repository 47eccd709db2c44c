"""Everything that trains; only units.cli.train_* imports it."""
