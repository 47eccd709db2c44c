"""Figures of merit: units against phones, and resynthesis against recordings."""
