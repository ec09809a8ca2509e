"""The past sent through the running pipeline, under a topic prefix of its own."""
