"""What may be done about a network that int8 hurts."""
