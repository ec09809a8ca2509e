"""Exchange feeds, replay of recorded files and the simulated market, into Kafka."""
