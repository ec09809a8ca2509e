"""The pure part of the dashboard: records folded into a board, and what each panel shows of it."""
