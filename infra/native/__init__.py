"""The stack without Docker: servers as plain processes, their programs fetched from package registries."""
