"""Tells people what happens: alerts and digests to Telegram, a webhook or stdout, and their commands back."""
