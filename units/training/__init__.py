"""Everything that trains. Only the su-train tools import it."""
