"""Which numbers a picture shows: of a needle, of a fill level, or how many there are."""
