"""The stack in containers, where a Docker engine answers."""
