"""What a Telegram bot remembers between two polls."""
