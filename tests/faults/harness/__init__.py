"""The whole of hedgehog as processes, what may happen to them, and what must hold after it: `make faults`."""
