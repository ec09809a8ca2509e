"""The dead-man switch: a process of its own that watches the topics and halts trading, whatever workers do."""
