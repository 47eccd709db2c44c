"""Figures of merit: units against phones, resynthesis against recordings. One subject a module."""
