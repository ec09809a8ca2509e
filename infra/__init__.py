"""The stack hedgehog runs on: broker, schema registry, Kafka Connect and PostgreSQL."""
