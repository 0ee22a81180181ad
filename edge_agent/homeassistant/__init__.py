"""How the device appears in Home Assistant, and disappears again."""
