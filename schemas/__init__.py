"""What travels and what is kept: Avro schemas and their codec, topics, SQL tables."""
