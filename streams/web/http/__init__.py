"""The pages, the stream of what changes, and who may ask for what."""
