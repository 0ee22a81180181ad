"""From the outbox to the broker: results, retained states, the device's own status."""
