"""How events reach the agents and what they make leaves them: in batches, at least once, applied once."""
